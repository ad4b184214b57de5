"""The suite: its folder, and what benchopt's patterns select in it."""

import contextlib
from pathlib import Path

import click
import yaml
from benchopt.benchmark import Benchmark, _list_parametrized_classes
from benchopt.config import get_setting
from benchopt.results import read_results
from benchopt.runner import run_benchmark

from .support.digests import Digests

# The folder of the suite: objective.py, datasets, solvers, configs, outputs.
BENCHMARK = Path(__file__).parent.parent
# What is known of files that are large and seldom change.
DIGESTS = Digests(BENCHMARK / "__cache__" / "digests.json")
# The default of benchopt's command line, which is another one than `run_benchmark`'s.
MAX_RUNS = 100


def results_of(problems, solvers):
    """What `benchopt run` finds; the cache's cells are not computed again.

    Parameters
    ----------
    problems, solvers : list of str
        As after ``-d`` and ``-s``.

    Returns
    -------
    DataFrame
        One row an image, problem and solver.

    Raises
    ------
    ValueError
        If a pattern selects nothing, or a parameter has a value that is not allowed.
    """
    benchmark = Benchmark(BENCHMARK)
    instances(benchmark.check_dataset_patterns, list(problems))
    instances(benchmark.check_solver_patterns, list(solvers))
    # benchopt's cache tells "." from the folder's full path, and one budget of runs or of
    # time from another: use what users type.
    with contextlib.chdir(BENCHMARK):
        file = run_benchmark(
            ".",
            solver_names=list(solvers),
            dataset_names=list(problems),
            max_runs=MAX_RUNS,
            timeout=get_setting("default_timeout"),
            plot_result=False,
            output_file="evaluation.parquet",
        )
        try:
            return read_results(file)
        finally:
            file.unlink()


def configured(path):
    """The dataset and the solver patterns of a run config, for `results_of`."""
    config = yaml.safe_load(path.read_text())
    return config["dataset"], config["solver"]


def problems(benchmark, pattern):
    """The instances of a dataset pattern."""
    return instances(benchmark.check_dataset_patterns, [pattern])


def solvers(benchmark, patterns):
    """The instances of solver patterns."""
    return instances(benchmark.check_solver_patterns, list(patterns))


def instances(check, patterns):
    """What benchopt's `check` of patterns selects.

    Raises
    ------
    ValueError
        If it selects nothing, or a parameter has a value that is not allowed.
    """
    try:
        classes = check(patterns)
    except click.BadParameter as error:
        raise ValueError(error.message) from None
    found = [instance for instance, _ in _list_parametrized_classes(*classes)]
    for instance in found:
        instance.check_parameters()
    return found
