"""Regularisation parameters, tuned once per problem on images that are never scored.

``python -m benchmark_inverse_problems.tuning SOLVER [SOLVER ...]`` fills the table
``tuned/SOLVER.json`` for every problem of the suite.
"""

import json
from itertools import product
from pathlib import Path

import torch

from .metrics import Case, psnr

FOLDER = Path(__file__).parent / "tuned"


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


def entry_key(task, fixed):
    """Key of an entry: the task and the solver's fixed parameters."""
    others = ",".join(f"{k}={v}" for k, v in sorted(fixed.items()))
    return f"{task} {others}".strip()


def grid_search(build, grid, tuning):
    """The point of a grid with the best mean PSNR on the tuning images.

    Parameters
    ----------
    build : callable (**values) -> reconstruct
    grid : dict
        {parameter: values}; every combination is one trial.
    tuning : Problem
        Images with their truth.

    Returns
    -------
    dict
        ``values``, ``trials``, ``psnr`` (dB, on the tuning images) and ``edge``
        (True if the best point lies at the end of a list of more than one value).
    """
    best = None
    for point in product(*grid.values()):
        values = dict(zip(grid, point, strict=True))
        reconstruct = build(**values)
        scores = []
        for index in range(len(tuning)):
            truth, observation = tuning.judged(index)
            with torch.no_grad():
                x_hat = reconstruct(observation.y.clone(), observation.physics)
            scores.append(psnr(Case.of(x_hat, truth, observation)))
        score = sum(scores) / len(scores)
        if best is None or score > best["psnr"]:
            ends = [v in (grid[k][0], grid[k][-1]) for k, v in values.items()]
            best = {"values": values, "psnr": round(score, 3), "edge": any(ends)}
    count = 1
    for values in grid.values():
        count *= len(values)
    return best | {"trials": count}
