"""A method of one's own, judged from Python as the command line judges solvers."""

import pandas as pd
from benchopt.benchmark import Benchmark
from benchopt.runner import run_one_resolution
from benchopt.utils.run_context import RunContext

from .solving.solver import ReconstructionSolver
from .suite import BENCHMARK, problems, results_of


def evaluate(method, problem, name="mine"):
    """Judge a method on a problem of the suite.

    The same code measures, reconstructs, times and judges as for
    ``benchopt run . -d PROBLEM -s SOLVER``; nothing is cached or written.

    Parameters
    ----------
    method : callable (y, physics) -> x_hat
        A deepinv Reconstructor, an `nn.Module`, a function. It gets measurements with a
        batch of one and returns the image (1, C, H, W); it runs without gradients,
        unless it asks for them with `torch.enable_grad()`. Modules are moved to the
        device, set to evaluation mode, and their parameters counted.
    problem : str
        A dataset with its parameters, as after ``-d``: ``div2k_sr4``,
        ``cbsd68_denoise[images=bundled,sigma=25]``. Parameters with several values give
        several problems.
    name : str
        The method's name in the table.

    Returns
    -------
    DataFrame
        One row an image: what is judged is in the columns of benchopt's result files.

    Raises
    ------
    ValueError
        If no problem has that name, or a reconstruction has a wrong shape or values
        that are not finite.
    """
    benchmark = Benchmark(BENCHMARK)
    rows = []
    for dataset in problems(benchmark, problem):
        objective = benchmark.get_benchmark_objective().get_instance()
        solver = Given.of(method, name)
        RunContext().set_run_context(objective, dataset, solver, 0, base_seed=0)
        objective._set_dataset(dataset)
        solver._set_objective(objective)
        meta = {
            "objective_name": str(objective),
            "dataset_name": str(dataset),
            "solver_name": name,
            "idx_rep": 0,
        }
        found, _ = run_one_resolution(objective, solver, meta, stop_val=1)
        rows += found
    return pd.DataFrame(rows)


def compare(method, problem, solvers, name="mine"):
    """Judge a method beside solvers of the suite, whose results come from the cache.

    Parameters
    ----------
    method, problem, name
        See `evaluate`.
    solvers : list of str
        As after ``-s``. Those that the cache does not hold are run.

    Returns
    -------
    DataFrame
        One row an image and method.
    """
    others = results_of([problem], solvers)
    return pd.concat((evaluate(method, problem, name), others), ignore_index=True)


class Given(ReconstructionSolver):
    """A solver around a callable, for `evaluate`."""

    name = "given"
    needs = frozenset()

    @classmethod
    def of(cls, method, name):
        solver = cls.get_instance()
        solver.name, solver.method = name, method
        return solver

    def build(self, example):
        return self.method
