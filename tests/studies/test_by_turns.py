"""Calls that are timed take turns, and ratios are of neighbours in time."""

import time
from functools import partial

import torch

from benchmark_inverse_problems.studies.by_turns import by_turns, compared

CPU = torch.device("cpu")


def test_calls_take_turns():
    seen = []
    spent = by_turns([partial(seen.append, name) for name in "ab"], CPU, 3)
    assert seen == ["a", "b"] * 3 and [len(times) for times in spent] == [3, 3]


def test_rounds_start_until_the_time_is_over():
    spent = by_turns([partial(time.sleep, 0.01)], CPU, 1, seconds=0.05)
    assert len(spent[0]) > 1


def test_the_calls_draw_the_same_numbers_and_are_compared_with_the_first():
    def slow():
        time.sleep(0.05)
        return torch.rand(())

    calls = [slow, partial(torch.rand, ())]
    (first, second), seconds, ratios = compared(calls, CPU, 3)
    assert first == second
    assert seconds[0] >= 0.05 and ratios[0] == 1 and ratios[1] > 5
