"""Regularisation parameters, tuned once per problem on images that are never scored."""

from itertools import count
from pathlib import Path

import torch

from ..judge.case import Case
from ..judge.reconstruction import as_estimate
from ..networks.weights import checksum
from ..support.progress import progress
from ..support.records import read_record
from .search import PatternSearch

FOLDER = Path(__file__).parents[1] / "tuned"


def look_up(solver, task, fixed):
    """The table's entry of a solver and a task, or None.

    Parameters
    ----------
    solver : str
    task : Task
    fixed : dict
        The solver's other parameters: an entry holds for them only.
    """
    path = FOLDER / f"{solver}.json"
    if not path.exists():
        return None
    return read_record(path).get(entry_key(task, fixed))


def changed_weights(entry):
    """The names of the weights behind an entry that are no longer those it was found with."""
    behind = entry.get("weights", {})
    return [name for name, digits in behind.items() if checksum(name) != digits]


def entry_key(task, fixed):
    """Key of an entry: the task and the solver's fixed parameters."""
    others = ",".join(f"{k}={v}" for k, v in sorted(fixed.items()))
    return f"{task} {others}".strip()


def tuned(build, parameters, tuning, device, trials=0, start=None):
    """The point with the best mean PSNR on the tuning images that a search finds.

    Each image has its own seed, the same at every point. Otherwise the luck of methods
    that draw random numbers would decide between neighbours.

    Parameters
    ----------
    build : callable (**values) -> reconstruct
    parameters : dict
        {name: Number or Choice}, see `PatternSearch`.
    tuning : Problem
        Images with their truth.
    device : torch.device
    trials : int
        Number of trials; 0: as many as it takes.
    start : dict or None
        Values to start from, see `PatternSearch`.

    Returns
    -------
    dict
        ``values``, ``trials``, ``psnr`` (dB, on the tuning images) and ``around``: for
        each number the nearest tried ones on either side with their PSNR. An entry of a
        table also has the checksums of its weights, {name: first digits}.
    """
    ticks = iter(progress(count(), "tuning"))

    def score(**values):
        next(ticks)
        return mean_psnr(cases(build(**values), tuning, device))

    search = PatternSearch(score, parameters, trials, start)
    best = search.best
    return {
        "values": best,
        "psnr": round(search.value(best), 3),
        "trials": len(search.scores),
        "around": search.neighbours(),
    }


def cases(reconstruct, tuning, device):
    """The results on the tuning images, each as a `Case` with its `Estimate`.

    Parameters
    ----------
    reconstruct : callable (y, physics) -> x_hat
    tuning : Problem
    device : torch.device
    """
    for index in range(len(tuning)):
        truth, observation = tuning.judged(index)
        told = tuning.task.told is not None
        seen = (tuning.observations[index] if told else observation).to(device)
        with torch.no_grad():
            torch.manual_seed(index)
            found = as_estimate(reconstruct(seen.y.clone(), seen.physics))
        yield Case(found.x_hat, truth, observation, found)


def mean_psnr(cases):
    """The mean PSNR of some cases."""
    scores = [case.psnr() for case in cases]
    return sum(scores) / len(scores)


def open_ends(entry, parameters):
    """The numbers of an entry whose best value lies at the end of those that were tried.

    The end of the range of a number is no such end.
    """
    found = []
    for name, neighbours in entry["around"].items():
        value, number = entry["values"][name], parameters[name]
        sides = {other > value for other, _ in neighbours}
        if len(sides) < 2 and not number.at_bound(value):
            found.append(name)
    return found
