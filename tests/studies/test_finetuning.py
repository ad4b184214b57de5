"""The study of fits without truth, at a small size."""

import pytest

from benchmark_inverse_problems.problems.images import open_images
from benchmark_inverse_problems.studies import finetuning as study


@pytest.fixture
def small(monkeypatch):
    for name, value in {
        "SIDE": 32,
        "open_images": lambda name: open_images(name).first(2),
        "SCORED": 1,
        "STEPS": 2,
        "LONG": 2,
        "COUNTS": (1, 10),
        "TASKS": {"demosaic": study.TASKS["demosaic"]},
        "FOLLOWED": {"demosaic": study.TASKS["demosaic"]},
    }.items():
        monkeypatch.setattr(study, name, value)


def test_the_study_prints_its_tables_and_goes_on(small, tmp_path, capsys, monkeypatch):
    options = ["--folder", str(tmp_path)]
    study.main(options)
    printed = capsys.readouterr().out
    assert all(f"| demosaic, N = {n} |" in printed for n in (0, 1, 10))
    assert "| 33.89 | 60" in printed, "the published ones stand beside ours"
    assert (tmp_path / "finetuning.html").stat().st_size > 10000
    monkeypatch.setattr(study, "fine_tune", None)  # everything is on disk
    study.main(options)
    assert capsys.readouterr().out == printed


def test_the_settings_are_those_of_the_solver():
    from ..test_plugins import SOLVERS

    parameters = SOLVERS["ram_finetuned"].parameters
    assert [study.STEPS] == parameters["steps"] and [study.LR] == parameters["lr"]


def test_what_the_early_stop_keeps():
    found = {"step": [0, 10, 20], "psnr": [20, 25, 24], "held out": [3, 2, 1]}
    row = study.ends({"a": found | {"loss": [0, 1, 2]}}).loc["a"]
    assert row.tolist() == [20, 25, 10, 24, 20, 24]
