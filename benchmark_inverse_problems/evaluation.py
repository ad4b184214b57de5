"""A method of one's own, judged from Python as the command line judges solvers."""

import inspect
import warnings
from contextlib import suppress

import pandas as pd
import torch
from benchopt.benchmark import Benchmark
from benchopt.runner import run_one_resolution
from benchopt.utils.run_context import RunContext
from torch import nn

from .report.rows import mixed_problems
from .report.submitted import without_repeats
from .solving.failures import first_line
from .solving.solver import ReconstructionSolver
from .suite import BENCHMARK, problems, results_of
from .support.caller import borrowed, process_state


def evaluate(method, problem, name="mine"):
    """Judge a method on a problem of the suite.

    The same code measures, reconstructs, times and judges as for
    ``benchopt run . -d PROBLEM -s SOLVER``; nothing is cached or written. The method and the
    random generators are afterwards as they were.

    Parameters
    ----------
    method : callable (y, physics) -> x_hat
        A deepinv Reconstructor, an `nn.Module`, a function. It gets measurements with a
        batch of one and returns the image (1, C, *spatial). It runs without gradients,
        unless it asks for them with `torch.enable_grad()`. A module is moved to the
        device and set to evaluation mode for the time of the call, and its parameters are
        counted.
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
    TypeError
        If the method cannot be called with (y, physics), fails with numbers that are not
        float32, or a name is no text.
    ValueError
        If no problem has that name, a solver of the suite has the method's, a
        reconstruction has a wrong shape or values that are not finite, or a module has
        parameters without values.
    """
    check_name(name)
    if not callable(method):
        raise TypeError(
            f"The method is a {type(method).__name__} and cannot be called: give a function "
            "or a module (y, physics) -> x_hat."
        )
    with suppress(ValueError):  # some callables have no signature
        # Calling a module takes anything and hands it to `forward`.
        called = method.forward if isinstance(method, nn.Module) else method
        arguments = inspect.signature(called)
        try:
            arguments.bind(None, None)
        except TypeError as error:
            raise TypeError(
                f"The method takes {arguments} and is called with (y, physics): give one that "
                "takes these two."
            ) from error
    check_values(method)
    with process_state(), borrowed(method):
        try:
            return judged(method, problem, name)
        except RuntimeError as error:
            others = types_of(method) - {torch.float32}
            if not others:
                raise
            raise TypeError(
                f"The method has parameters in {', '.join(sorted(map(str, others)))} and "
                f"failed ({first_line(error)}): measurements are in torch.float32, so call "
                "its .float(), or let it convert them."
            ) from error


def check_values(method):
    """Check that the parameters of a module have values."""
    if isinstance(method, nn.Module) and any(p.is_meta for p in method.parameters()):
        raise ValueError(
            "The method has parameters without values, on the device meta: load its weights."
        )


def types_of(method):
    """The types of the floating-point parameters of a module; none of another method."""
    found = method.parameters() if isinstance(method, nn.Module) else ()
    return {p.dtype for p in found if p.is_floating_point()}


def check_name(name):
    """Check that the method's name is a text, and tells it from the suite's solvers."""
    if not isinstance(name, str):
        raise TypeError(
            f"name={name!r} is a {type(name).__name__}: give the method a text as its name."
        )
    stem = name.split("[")[0].strip()
    if not stem or stem in {
        solver.name for solver in Benchmark(BENCHMARK).get_solvers()
    }:
        raise ValueError(
            f'name="{name}" is empty or a solver of the suite: give the method another name, '
            "so that tables tell them apart."
        )


def judged(method, problem, name):
    """The rows of `evaluate`."""
    benchmark = Benchmark(BENCHMARK)
    rows = []
    for dataset in problems(benchmark, problem):
        objective = benchmark.get_benchmark_objective().get_instance()
        solver = Given.of(method, name)
        RunContext().set_run_context(objective, dataset, solver, 0, base_seed=0)
        objective._set_dataset(dataset)
        skipped, reason = solver._set_objective(objective)
        if skipped:
            raise ValueError(reason)
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
    """Judge a method beside solvers of the suite, with their results from the cache.

    Parameters
    ----------
    method, problem, name
        See `evaluate`.
    solvers : list of str
        As after ``-s``. Those that the cache does not hold are run. None of them runs if
        the list is empty.

    Returns
    -------
    DataFrame
        One row an image and method.

    Raises
    ------
    TypeError, ValueError
        See `evaluate`; also if `solvers` is no list of texts, or if the measurements of the
        method are not those of the others.
    """
    if isinstance(solvers, str):
        raise TypeError(
            f"solvers={solvers!r} is one text: give a list of names, as in [{solvers!r}]."
        )
    solvers = list(solvers)
    mine = evaluate(method, problem, name)
    if not solvers:
        return mine
    with process_state():
        try:
            others = results_of([problem], solvers)
        except RuntimeError as error:  # benchopt's, where no cell has a result
            warnings.warn(
                f"{', '.join(solvers)} gave no result on {problem} ({error}): the rows are "
                "those of the method alone.",
                stacklevel=2,
            )
            return mine
    found = pd.concat((mine, without_repeats(others)), ignore_index=True)
    for mixed in mixed_problems(found):
        raise ValueError(
            f"The measurements of {mixed} are not the same for {name} and for "
            f"{', '.join(solvers)}: the method, or the images on disk, changed them."
        )
    return found


class Given(ReconstructionSolver):
    """A solver around a callable, for `evaluate`.

    A module of somebody else keeps its memory layout, and its parameters may still require
    gradients: only networks of the suite are changed for speed.
    """

    name = "given"
    needs = frozenset()

    @classmethod
    def of(cls, method, name):
        solver = cls.get_instance()
        solver.name, solver.method = name, method
        return solver

    def build(self, example):
        return self.method

    def place(self, network):
        network = network.to(self.device).eval()
        self.networks.append(network)
        return network
