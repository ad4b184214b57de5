"""Times of calls that take turns, so that a machine that slows down slows them all."""

import time
from statistics import median

import torch

from ..judge.metering import timed


def by_turns(calls, device, rounds, seconds=0.0):
    """The wall seconds of some calls, a list of each.

    Parameters
    ----------
    calls : list of callable () -> anything
    device : torch.device
    rounds : int
        Least number of rounds.
    seconds : float
        Rounds start until the calls have had so much each.
    """
    spent = [[] for _ in calls]
    end = time.perf_counter() + seconds * len(calls)
    while len(spent[0]) < rounds or time.perf_counter() < end:
        for times, call in zip(spent, calls, strict=True):
            times.append(timed(call, device)[1].wall)
    return spent


def compared(calls, device, rounds):
    """Each call's result and median seconds, and the median ratios to the first call's.

    The first round is not timed. It is the one whose results are returned; each call there
    draws the same random numbers.
    """
    results = []
    for call in calls:
        torch.manual_seed(0)
        results.append(call())
    times = by_turns(calls, device, rounds)
    ratios = [median(a / b for a, b in zip(times[0], t, strict=True)) for t in times]
    return results, [median(t) for t in times], ratios
