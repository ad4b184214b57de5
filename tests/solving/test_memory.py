"""A run's memory does not grow with the number of images."""

import os
import subprocess
import sys

import pytest

from ..conftest import ROOT

SCRIPT = """
import resource, sys
from benchmark_inverse_problems.suite import BENCHMARK, problems, solvers
from benchopt.benchmark import Benchmark
from benchopt.runner import run_one_resolution
from benchopt.utils.run_context import RunContext

benchmark = Benchmark(BENCHMARK)
for problem in sys.argv[2:]:
    (dataset,) = problems(benchmark, problem)
    (solver,) = solvers(benchmark, [sys.argv[1]])
    objective = benchmark.get_benchmark_objective().get_instance()
    RunContext().set_run_context(objective, dataset, solver, 0, base_seed=0)
    objective._set_dataset(dataset)
    solver._set_objective(objective)
    names = ("objective_name", "dataset_name", "solver_name", "idx_rep")
    rows, _ = run_one_resolution(objective, solver, dict.fromkeys(names, 0), stop_val=1)
    print(len(rows), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peaks(solver, *counts):
    """Peak memory of a process after each of some cells, in KB, the smallest cell first."""
    names = [f"phantom_ct[images=ellipses,angles=60,n_images={n}]" for n in counts]
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT, solver, *names],
        cwd=ROOT,
        env=os.environ | {"INVERSE_PROBLEMS_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split() for line in found.stdout.splitlines()[-len(counts) :]]
    assert [int(rows) for rows, _ in lines] == list(counts)
    return [int(memory) for _, memory in lines]


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["adjoint", "ram"])
def test_eight_images_take_what_two_take(solver):
    two, eight = peaks(solver, 2, 8)
    assert eight < 1.2 * two
