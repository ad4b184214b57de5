"""Regularisation parameters, tuned once per problem on images that are never scored.

``python -m benchmark_inverse_problems.tuning SOLVER [SOLVER ...]`` fills the table
``tuned/SOLVER.json`` for every problem of the suite, with ``--missing`` for new ones only.
"""

import argparse
import json
from itertools import product
from pathlib import Path

import torch
from tqdm import tqdm

from .files import replacing
from .judging import Case
from .progress import progress
from .settings import PRECISIONS

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


def grid_search(build, grid, tuning, device):
    """The point of a grid with the best mean PSNR on the tuning images.

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
        (True if the best point lies at the end of a list of more than one value).
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
                y = observation.y.clone().to(device)
                x_hat = reconstruct(y, observation.physics.to(device))
            scores.append(Case(x_hat, truth, observation).psnr())
        score = sum(scores) / len(scores)
        if best is None or score > best["psnr"]:
            ends = [v in (grid[k][0], grid[k][-1]) for k, v in values.items()]
            best = {"values": values, "psnr": round(score, 3), "edge": any(ends)}
    return best | {"trials": len(points)}


def tune(names, missing=False, precision="float32"):
    """Fill the tables of some solvers for every problem of the suite.

    Entries that the table has already are computed again, unless only the missing
    ones are wanted. Networks run in the given precision, which is quicker in bfloat16
    and hardly changes what is found.
    """
    # Only this command looks at the plugins; the package itself never does.
    from benchopt.benchmark import Benchmark
    from benchopt.utils.parametrized_name_mixin import product_param

    benchmark = Benchmark(Path(__file__).parent.parent)
    problems = {}
    for dataset in benchmark.get_datasets():
        every = dataset.parameters | getattr(dataset, "test_parameters", {})
        for parameters in (dataset.parameters, every):
            for point in product_param(parameters):
                problem = dataset.get_instance(**point).get_data()["problem"]
                # Tiny test problems may share a task with a real one.
                known = problems.get(str(problem.task), problem)
                larger = max((known, problem), key=lambda p: p.tuning.crop)
                problems[str(problem.task)] = larger
    for name in names:
        (cls,) = (solver for solver in benchmark.get_solvers() if solver.name == name)
        settings = {"precision": precision} if "precision" in cls.parameters else {}
        solver = cls.get_instance(**settings)
        solver.use_machine()
        table = {
            "command": f"python -m benchmark_inverse_problems.tuning {name}"
            + ("" if precision == "float32" else f" --precision {precision}"),
            "grid": solver.open_parameters(),
        }
        path = FOLDER / f"{name}.json"
        FOLDER.mkdir(exist_ok=True)
        if missing and path.exists():
            table = json.loads(path.read_text())
        for problem in tqdm(problems.values(), desc=name):
            truth, observation = problem.tuning.judged(0)
            key = entry_key(problem.task, solver.fixed_parameters())
            known = missing and key in table
            if not known and solver.unsupported(observation.physics) is None:
                solver.channels = truth.shape[1]
                table[key] = solver.search(problem.tuning)
                tqdm.write(f"{name} {key} {table[key]}")
                text = json.dumps(table, indent=1) + "\n"
                with replacing(path) as temporary:
                    temporary.write_text(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("solvers", nargs="+")
    parser.add_argument("--missing", action="store_true", help="only new problems")
    parser.add_argument("--precision", choices=PRECISIONS, default=PRECISIONS[0])
    options = parser.parse_args()
    tune(options.solvers, options.missing, options.precision)
