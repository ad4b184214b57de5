"""Tuning finds the best point of a grid on the tuning set, and the table is used."""

import json

import pytest
import torch
from benchopt.benchmark import Benchmark

from benchmark_inverse_problems import tuning

from .conftest import ROOT
from .problems import tiny_problem

CPU = torch.device("cpu")
TABLES = sorted(tuning.FOLDER.glob("*.json"))
SOLVERS = {s.name: s for s in Benchmark(ROOT).get_solvers()}


def test_grid_search_finds_the_best_point_and_counts_the_trials():
    problem = tiny_problem("denoise")

    def build(scale, shift):
        return lambda y, physics: scale * y + shift

    grid = {"scale": [0.5, 1.0, 1.5], "shift": [-0.2, 0.0, 0.2]}
    found = tuning.grid_search(build, grid, problem.tuning, CPU)
    assert found["values"] == {"scale": 1.0, "shift": 0.0}
    assert found["trials"] == 9
    assert not found["edge"]
    grid = {"scale": [1.5, 2.0], "shift": [0.0, 0.2]}
    assert tuning.grid_search(build, grid, problem.tuning, CPU)["edge"]


def test_unknown_task_has_no_entry():
    task = tiny_problem("denoise").task
    assert tuning.look_up("nobody", task, {}) is None
    assert tuning.look_up("tv", task, {"other": 1}) is None


@pytest.mark.parametrize("name", [n for n, s in SOLVERS.items() if s.grid])
def test_every_tuned_solver_has_its_table(name):
    table = json.loads((tuning.FOLDER / f"{name}.json").read_text())
    command = f"python -m benchmark_inverse_problems.tuning {name}"
    assert table["command"] in (command, f"{command} --precision bfloat16")
    assert table["grid"] == SOLVERS[name].grid, "the grid changed: tune again"


@pytest.mark.parametrize("path", TABLES, ids=lambda p: p.stem)
def test_no_regularisation_weight_lies_at_the_end_of_its_grid(path):
    table = json.loads(path.read_text())
    entries = {k: v for k, v in table.items() if isinstance(v, dict) and "psnr" in v}
    assert entries
    if path.stem in ("tv", "wavelet"):
        assert len(entries) > 20
        # Without noise the best weight is the least one.
        noisy = {k: v for k, v in entries.items() if "sigma" in k or "gain" in k}
        assert not [key for key, entry in noisy.items() if entry["edge"]]


def test_every_problem_of_the_suite_is_in_the_tables():
    from .test_problems import PROBLEMS

    for dataset in PROBLEMS:
        problem = dataset.get_data()["problem"]
        entry = tuning.look_up("tv", problem.task, {})
        assert entry is not None, f"{problem.task} is not tuned for tv"
