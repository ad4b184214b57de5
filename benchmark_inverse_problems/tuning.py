"""Regularisation parameters, tuned once per problem on images that are never scored.

``python -m benchmark_inverse_problems.tuning SOLVER [SOLVER ...]`` fills the table
``tuned/SOLVER.json`` for every problem of the suite, with ``--missing`` for new ones only;
solvers with parameters and ``--problems`` are named as on benchopt's command line.
"""

import argparse
import json
import shlex
from itertools import product
from pathlib import Path

import torch
from benchopt.benchmark import Benchmark
from benchopt.utils.parametrized_name_mixin import product_param
from tqdm import tqdm

from .files import BENCHMARK, replacing
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

    Methods that draw random numbers draw the same ones at every point, a seed per image:
    else their luck would decide between neighbours.

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
        (True if a number of the best point lies at an end of its list).
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
                x_hat = reconstruct(y, observation.physics.to(device))
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


def tune(patterns, problem_patterns=(), missing=False, precision="float32"):
    """Fill the tables of some solvers, entry by entry.

    A table whose grid is no longer the solver's starts anew.

    Parameters
    ----------
    patterns : list of str
        Solvers, as after ``-s``. Values of their parameters make entries of their own.
    problem_patterns : list of str
        Problems, as after ``-d``. None: every problem of the suite, and its test problems.
    missing : bool
        Leave the entries that the table has already.
    precision : str
        Of the networks: bfloat16 is quicker and hardly changes what is found.

    Raises
    ------
    ValueError
        If no solver or no problem has such a name, or a solver has nothing to tune.
    """
    # Only this command looks at the plugins; the package itself never does.
    # Here, as the base class of solvers imports this module.
    from .evaluation import solvers

    benchmark = Benchmark(BENCHMARK)
    problems = tuning_problems(benchmark, problem_patterns)
    options = ["--problems", *problem_patterns] if problem_patterns else []
    if precision != PRECISIONS[0]:
        options += ["--precision", precision]
    for pattern in patterns:
        words = ["python", "-m", "benchmark_inverse_problems.tuning", pattern, *options]
        for found in solvers(benchmark, [pattern]):
            settings = (
                {"precision": precision} if "precision" in found.parameters else {}
            )
            # benchopt's instances share their class: a new one has no other run's state.
            solver = type(found).get_instance(**found._parameters | settings)
            if not solver.open_parameters():
                raise ValueError(f'{found} has no parameter whose value is "tuned".')
            fill(solver, problems, missing, shlex.join(words))


def fill(solver, problems, missing, command):
    """Fill a solver's table, saved after each entry, and note the command in it."""
    solver.use_machine()
    path = FOLDER / f"{solver.name}.json"
    table = stored(path, solver.grid)
    table["commands"] = sorted({*table["commands"], command})
    for problem in tqdm(problems, desc=str(solver)):
        key = entry_key(problem.task, solver.fixed_parameters())
        if missing and key in table:
            continue
        truth, observation = problem.tuning.judged(0)
        if solver.unsupported(observation.physics) is None:
            solver.channels = truth.shape[1]
            table[key] = solver.search(problem.tuning)
            tqdm.write(f"{solver.name} {key} {table[key]}")
            text = json.dumps(table, indent=1) + "\n"
            with replacing(path) as temporary:
                temporary.write_text(text)


def stored(path, grid):
    """The table of a solver: what is known of its grid."""
    table = json.loads(path.read_text()) if path.exists() else {}
    if table.get("grid") != grid:
        table = {"commands": [], "grid": grid}
    return table


def tuning_problems(benchmark, patterns):
    """The problems of some patterns, one a task; of the whole suite without a pattern."""
    from .evaluation import problems

    instances = []
    for pattern in patterns:
        instances += problems(benchmark, pattern)
    if not patterns:
        for dataset in benchmark.get_datasets():
            every = dataset.parameters | getattr(dataset, "test_parameters", {})
            for parameters in (dataset.parameters, every):
                points = product_param(parameters)
                instances += [dataset.get_instance(**point) for point in points]
    found = {}
    for instance in instances:
        problem = instance.get_data()["problem"]
        # Tiny test problems may share a task with a real one.
        known = found.get(str(problem.task), problem)
        larger = max((known, problem), key=lambda p: p.tuning.crop)
        found[str(problem.task)] = larger
    return list(found.values())


def main():
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmark_inverse_problems.tuning",
        description="Tune solvers on images that are never scored.",
    )
    parser.add_argument("solvers", nargs="+", help="as after benchopt's -s")
    parser.add_argument(
        "--problems",
        nargs="+",
        default=[],
        help="as after benchopt's -d (every problem of the suite)",
    )
    parser.add_argument("--missing", action="store_true", help="only new entries")
    parser.add_argument("--precision", choices=PRECISIONS, default=PRECISIONS[0])
    options = parser.parse_args()
    try:
        tune(options.solvers, options.problems, options.missing, options.precision)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
