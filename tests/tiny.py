"""The suite's tiny problems, read from the `simulated` plugin, for unit tests."""

from functools import cache

from benchopt.benchmark import Benchmark

from .conftest import ROOT


@cache
def dataset(name):
    """The class of a dataset."""
    (found,) = (d for d in Benchmark(ROOT).get_datasets() if d.name == name)
    return found


def simulated():
    """The class of the `simulated` dataset."""
    return dataset("simulated")


TINY = ("denoise", "poisson", "deblur", "sr", "sr_matlab", "inpaint", "ct", "mri") + (
    "projections",
)
# Tasks whose operators the networks did not learn.
FAR = ("demosaic", "cs")
TINY += FAR


# Problems of volumes: {name: settings}.
VOLUMES = {
    "volume_ct": {"size": 16, "views": 20, "n_images": 1},
    "volume_mri": {"size": 16, "acceleration": 4, "n_images": 1},
}
# Problems with operators that are not linear, or not known: {name: settings}.
BEYOND = {
    "scattering": {"size": 16, "transmitters": 4, "n_images": 1},
    "eit": {"size": 16, "electrodes": 8, "n_images": 1},
    "blind_deblur": {"crop": 48, "level": "easy", "n_images": 1, "images": "bundled"},
    "coded_diffraction": {
        "crop": 32,
        "patterns": 4,
        "n_images": 1,
        "images": "bundled",
    },
}


def tiny_problem(task):
    """The `simulated` problem of a task, or a tiny one of another dataset."""
    for others in (VOLUMES, BEYOND):
        if task in others:
            return dataset(task).get_instance(**others[task]).get_data()["problem"]
    return simulated().get_instance(task=task).get_data()["problem"]
