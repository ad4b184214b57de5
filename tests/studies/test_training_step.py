"""The training steps of the study start from the same weights."""

import pytest

from benchmark_inverse_problems.studies import training_step


def test_the_same_weights_have_the_same_loss(capsys, monkeypatch):
    found = training_step.rows(side=64, count=1, pairs=1)
    theirs, ours, bfloat16, bundled = found.values()
    assert ours["first loss"] == pytest.approx(theirs["first loss"], rel=1e-4)
    assert bfloat16["first loss"] == pytest.approx(theirs["first loss"], rel=1e-2)
    assert all(row["seconds"] > 0 and row["faster"] > 0 for row in found.values())
    monkeypatch.setattr(training_step, "rows", lambda pairs: found)
    training_step.main([])
    printed = capsys.readouterr().out
    assert all(printed.count(f"| {name} |") == 1 for name in found)
