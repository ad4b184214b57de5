"""A method of one's own, judged from Python as the command line judges solvers."""

import inspect
import random
from contextlib import contextmanager, suppress

import numpy as np
import pandas as pd
import torch
from benchopt.benchmark import Benchmark
from benchopt.runner import run_one_resolution
from benchopt.utils.run_context import RunContext
from torch import nn

from .solving.solver import ReconstructionSolver
from .suite import BENCHMARK, problems, results_of
from .support.precision import float32_default


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
        If the method cannot be called with (y, physics).
    ValueError
        If no problem has that name, or a reconstruction has a wrong shape or values
        that are not finite.
    """
    if not callable(method):
        raise TypeError(
            f"The method is a {type(method).__name__} and cannot be called: give a function "
            "or a module (y, physics) -> x_hat."
        )
    with suppress(ValueError):  # some callables have no signature
        arguments = inspect.signature(method)
        try:
            arguments.bind(None, None)
        except TypeError as error:
            raise TypeError(
                f"The method takes {arguments} and is called with (y, physics): give one that "
                "takes these two."
            ) from error
    with process_state(), borrowed(method):
        return judged(method, problem, name)


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
    """
    mine = evaluate(method, problem, name)
    if not solvers:
        return mine
    with process_state():
        others = results_of([problem], solvers)
    return pd.concat((mine, others), ignore_index=True)


@contextmanager
def process_state():
    """Leave random generators, number of threads and default type as they were."""
    threads = torch.get_num_threads()
    python, numpy = random.getstate(), np.random.get_state()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices), float32_default():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_num_threads(threads)


@contextmanager
def borrowed(method):
    """Leave a module as it was: device, training mode and buffers of all its parts."""
    if not isinstance(method, nn.Module):
        yield
        return
    device = next((x.device for x in method.parameters()), None)
    modes = [(part, part.training) for part in method.modules()]
    buffers = {name: buffer.clone() for name, buffer in method.named_buffers()}
    try:
        yield
    finally:
        if device is not None:
            method.to(device)
        for part, training in modes:
            part.training = training
        with torch.no_grad():
            for name, buffer in method.named_buffers():
                buffer.copy_(buffers[name])


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
