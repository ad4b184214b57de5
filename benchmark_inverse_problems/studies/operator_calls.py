"""How often does RAM have to call the operator?

RAM's blocks see the measurement at four scales, through A^T A on each of them. The study
compares it with a network that sees them at one scale only, the one of half the resolution:
with RAM's own weights, and trained again from them (`ram[variant=scale2]`). Calls of A and A^T
are counted on tomography, whose coarse operators have no shortcut, with 60 views of 128x128
pixels. Seconds are those of one call there, as a share of RAM's. The scores are those of the
bundled pictures (128x128 pixels) at medium levels, and of the phantoms of tomography.
"""

from collections import Counter
from functools import partial
from statistics import median

import pandas as pd
import torch
from tqdm import tqdm

from ..judge.case import Case
from ..networks.ram import SCALE2, load_ram
from ..problems.images import open_images
from ..problems.problem import Problem, Task
from ..report.tables import formatted
from ..training.ram import at_one_scale
from . import study_parser
from .by_turns import by_turns
from .iterated_ram import TASKS

# Bundled weights behind the tables.
WEIGHTS = ("ram", f"ram_{SCALE2}")
CROP, REPEATS = 128, 7
VIEWS = Task("tomography", {"angles": 60}, sigma=0.02, relative=True)
NETWORKS = {
    "four scales": lambda: load_ram("bundled", "full", "ram"),
    "one scale, not trained again": lambda: at_one_scale(1),
    "one scale": lambda: load_ram("bundled", SCALE2, "ram"),
}


def problems():
    """{name: Problem}: photographs and phantoms."""
    photographs = open_images("bundled")
    found = {
        name: Problem(photographs, task, crop=CROP) for name, task in TASKS.items()
    }
    return found | {"tomography": Problem(open_images("ellipses"), VIEWS)}


def score(network, problem):
    """Mean PSNR over the images of a problem, the first six of an endless set."""
    found = []
    for index in range(min(len(problem), 6)):
        x, observation = problem.judged(index)
        with torch.no_grad():
            x_hat = network(observation.y, observation.physics)
        found.append(Case(x_hat, x, observation).psnr())
    return sum(found) / len(found)


def calls(network, observation):
    """How often a network calls A and A^T for one image, {name: number}."""
    physics, counts = observation.physics, Counter()

    def counted(name, method):
        def call(*arguments, **settings):
            counts[name] += 1
            return method(*arguments, **settings)

        return call

    for name, title in (("A", "calls of A"), ("A_adjoint", "calls of A^T")):
        setattr(physics, name, counted(title, getattr(physics, name)))
    with torch.no_grad():
        network(observation.y, physics)
    return counts


def shares(networks, observation):
    """Seconds of one call, as shares of the first network's; by turns in one process."""
    y, physics = observation.y, observation.physics
    calls = [partial(network, y, physics) for network in networks.values()]
    with torch.no_grad():
        spent = by_turns(calls, y.device, REPEATS)
    first, *_ = found = dict(zip(networks, map(median, spent), strict=True))
    return {name: value / found[first] for name, value in found.items()}


def main(arguments):
    """Print the table."""
    study_parser("operator_calls", __doc__).parse_args(arguments)
    networks = {
        name: build().eval().requires_grad_(False) for name, build in NETWORKS.items()
    }
    every = problems()
    views = every["tomography"]
    seconds = shares(networks, views.observe(0))
    rows = {}
    for name, network in tqdm(networks.items(), desc="networks"):
        rows[name] = {
            "parameters [M]": sum(p.numel() for p in network.parameters()) / 1e6,
            **calls(network, views.observe(0)),
            "seconds": seconds[name],
        } | {task: score(network, problem) for task, problem in every.items()}
    print("\n" + formatted(pd.DataFrame(rows).T, "markdown", 2, label="embeddings"))
