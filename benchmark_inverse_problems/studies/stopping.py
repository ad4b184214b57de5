"""Where should the deep image prior stop?

Fits the deep image prior of the solver `dip` to the bundled images, to the end of its
budget, while every stopping rule watches. Prints how far below the best iterate each
rule stopped. The fits are kept in the study's folder, so an interrupted study goes on
where it stopped.
"""

from functools import partial
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from ..judge.case import Case
from ..methods.fitting import from_noise
from ..methods.stopping import LastIterate, stopping_rule
from ..networks.skip_network import SkipNetwork
from ..physics.catalogue import MISSING_PIXELS
from ..problems.images import BUNDLED_TEST, open_images
from ..problems.problem import Problem, Task
from ..report.tables import formatted
from . import study_parser
from .resumable import Pieces

# Bundled weights behind the tables.
WEIGHTS = ()
TASKS = {
    "denoising": Task("denoising", sigma=25 / 255),
    "inpainting": Task.of("inpainting", MISSING_PIXELS["random_50"]),
}
# The column of the iteration with the best score.
AT = "at iteration"
RULES = ("discrepancy", "variance")
# Settings of the solver `dip`.
SETTINGS = {"lr": 0.01, "jitter": 0.01, "average": 0.98}
PATIENCE = 200


class Watched(LastIterate):
    """Never stop, but score every estimate and note where other rules would stop.

    Parameters
    ----------
    rules : dict
        {name: rule}.
    score : callable (estimate) -> float

    Attributes
    ----------
    scores : list of float
        After each iteration.
    stopped : dict
        {rule: (iteration, score of its result)}.
    """

    def __init__(self, rules, score):
        self.rules, self.score = rules, score
        self.scores, self.stopped = [], {}

    def update(self, estimate, x, residual, loss):
        self.best = estimate
        self.scores.append(self.score(estimate))
        for name, rule in self.rules.items():
            if name not in self.stopped and rule.update(estimate, x, residual, loss):
                self.note(name)
        return False

    def note(self, name):
        result = self.score(self.rules[name].best)
        self.stopped[name] = (len(self.scores) - 1, result)

    def finish(self):
        """Note the end of the budget for the rules that did not stop."""
        for name in self.rules.keys() - self.stopped.keys():
            self.note(name)


def watch(problem, index, iterations, label):
    """Fit one image to the end of the budget.

    Returns
    -------
    dict
        ``scores`` is the PSNR after each iteration, ``stopped`` is
        {rule: (iteration, PSNR)}.
    """
    x, observation = problem.truth(index), problem.observe(index)
    y, physics = observation.y, observation.physics
    torch.manual_seed(index)
    rules = {name: stopping_rule(name, y, physics, PATIENCE) for name in RULES}
    watched = Watched(rules, lambda x_hat: Case(x_hat, x, observation).psnr())
    estimates = from_noise(
        y,
        physics,
        SkipNetwork,
        iterations=iterations,
        stopping=watched,
        **SETTINGS,
    )
    with torch.no_grad():
        for _ in tqdm(estimates, total=iterations + 1, desc=label, mininterval=5):
            pass
    watched.finish()
    return {"scores": torch.tensor(watched.scores), "stopped": watched.stopped}


def gaps(found):
    """Decibels below the best iterate: {column: value} of one fit."""
    best = float(found["scores"].max())
    row = {"best": best, AT: float(found["scores"].argmax())}
    row |= {name: best - found["stopped"][name][1] for name in RULES}
    return row | {"last iterate": best - float(found["scores"][-1])}


def main(arguments):
    parser = study_parser("stopping", __doc__)
    parser.add_argument("--folder", type=Path, default=Path("study_runs/stopping"))
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--images", type=int, default=len(BUNDLED_TEST))
    parser.add_argument("--crop", type=int, default=256)
    chosen = parser.parse_args(arguments)
    pieces = Pieces(
        chosen.folder, SETTINGS, PATIENCE, RULES, chosen.iterations, chosen.crop
    )
    images = open_images("bundled").first(chosen.images)
    rows = {}
    for name, task in TASKS.items():
        problem = Problem(images, task, chosen.crop)
        for index, image in enumerate(images.names):
            label = f"{name}, {image}"
            fit = partial(watch, problem, index, chosen.iterations, label)
            rows[label] = gaps(pieces(label, fit))
    table = pd.DataFrame(rows).T
    for name in TASKS:
        chosen = table[table.index.str.startswith(name)]
        table.loc[f"median, {name}"] = chosen.median()
    print("PSNR of the best iterate, and how many dB below it each rule ended:\n")
    print(formatted(table, "markdown", 2, label="image", counts=[AT]))
