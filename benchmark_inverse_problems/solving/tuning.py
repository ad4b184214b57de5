"""Regularisation parameters, tuned once per problem on images that are never scored."""

import json
from itertools import product
from pathlib import Path

import torch

from ..judge.case import Case
from ..judge.reconstruction import estimate_and_spread
from ..networks.weights import checksum
from ..support.progress import progress

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
    return json.loads(path.read_text()).get(entry_key(task, fixed))


def changed_weights(entry):
    """The names of the weights behind an entry that are no longer those it was found with."""
    behind = entry.get("weights", {})
    return [name for name, digits in behind.items() if checksum(name) != digits]


def entry_key(task, fixed):
    """Key of an entry: the task and the solver's fixed parameters."""
    others = ",".join(f"{k}={v}" for k, v in sorted(fixed.items()))
    return f"{task} {others}".strip()


def grid_search(build, grid, tuning, device):
    """The point of a grid with the best mean PSNR on the tuning images.

    Each image has its own seed, the same at every point. Otherwise the luck of methods
    that draw random numbers would decide between neighbours.

    Parameters
    ----------
    build : callable (**values) -> reconstruct
    grid : dict
        {parameter: values}; every combination is one trial.
    tuning : Problem
        Images with their truth.
    device : torch.device

    Returns
    -------
    dict
        ``values``, ``trials``, ``psnr`` (dB, on the tuning images) and ``edge``
        (True if a number of the best point lies at an end of its list). An entry of a
        table also has the checksums of its weights, {name: first digits}.
    """
    best = None
    points = list(product(*grid.values()))
    for point in progress(points, "tuning"):
        values = dict(zip(grid, point, strict=True))
        reconstruct = build(**values)
        scores = []
        for index in range(len(tuning)):
            truth, observation = tuning.judged(index)
            with torch.no_grad():
                torch.manual_seed(index)
                y = observation.y.clone().to(device)
                result = reconstruct(y, observation.physics.to(device))
            x_hat, _ = estimate_and_spread(result)
            scores.append(Case(x_hat, truth, observation).psnr())
        score = sum(scores) / len(scores)
        if best is None or score > best["psnr"]:
            ends = [
                v in (grid[k][0], grid[k][-1])
                for k, v in values.items()
                if not isinstance(v, str)
            ]
            best = {"values": values, "psnr": round(score, 3), "edge": any(ends)}
    return best | {"trials": len(points)}
