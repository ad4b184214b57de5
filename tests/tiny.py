"""The suite's tiny problems, read from the `simulated` plugin, for unit tests."""

from functools import cache

from benchopt.benchmark import Benchmark

from .conftest import ROOT


@cache
def simulated():
    """The class of the `simulated` dataset and its module."""
    (dataset,) = (d for d in Benchmark(ROOT).get_datasets() if d.name == "simulated")
    return dataset


TINY = ("denoise", "poisson", "deblur", "sr", "sr_matlab", "inpaint", "ct", "mri") + (
    "projections",
)


def tiny_problem(task):
    """The `simulated` problem of a task."""
    return simulated().get_instance(task=task).get_data()["problem"]
