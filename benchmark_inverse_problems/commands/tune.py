"""Fill the tables of tuned parameters, on images that are never scored.

``python -m benchmark_inverse_problems tune SOLVER [SOLVER ...]`` fills
``tuned/SOLVER.json`` for every problem of the suite. ``--missing`` does so for new
problems, and for entries of a former search. Solvers with parameters and ``--problems`` are
named as on benchopt's command line.
"""

import json
import shlex

from benchopt.benchmark import Benchmark
from benchopt.utils.parametrized_name_mixin import product_param
from tqdm import tqdm

from ..solving.settings import PRECISIONS
from ..solving.tuning import FOLDER, entry_key
from ..suite import BENCHMARK, in_checkout, problems, solvers
from ..support.atomic import replacing
from ..support.parameters import Number
from ..support.records import read_record
from . import PROGRAM, parser


def tune(
    patterns,
    problem_patterns=(),
    missing=False,
    precision="float32",
    trials=0,
    from_table=False,
):
    """Fill the tables of some solvers, entry by entry.

    If the search of a table is not the solver's any more, its entries are marked as
    ``former`` and stay in use until they are found anew.

    Parameters
    ----------
    patterns : list of str
        Solvers, as after ``-s``. Each value of their parameters has its own entries.
    problem_patterns : list of str
        Problems, as after ``-d``. Empty: every problem of the suite, and its test
        problems.
    missing : bool
        Whether entries that the table already has are kept, but those of a former search.
    precision : str
        Precision of the networks. bfloat16 is faster and hardly changes the result.
    trials : int
        Trials an entry, 0: as many as it takes. Methods with equal numbers of trials can
        be compared.
    from_table : bool
        Whether a search starts from the values that the table has.

    Raises
    ------
    ValueError
        If no solver or no problem has such a name, or a solver has nothing to tune.
    """
    benchmark = Benchmark(BENCHMARK)
    chosen = tuning_problems(benchmark, problem_patterns)
    options = ["--problems", *problem_patterns] if problem_patterns else []
    if precision != PRECISIONS[0]:
        options += ["--precision", precision]
    if trials:
        options += ["--trials", str(trials)]
    if from_table:
        options += ["--from-table"]
    for pattern in patterns:
        words = [*PROGRAM.split(), "tune", pattern, *options]
        for found in solvers(benchmark, [pattern]):
            settings = (
                {"precision": precision} if "precision" in found.parameters else {}
            )
            # A new instance has no state of another run.
            solver = type(found).get_instance(**found._parameters | settings)
            if not solver.open_parameters():
                raise ValueError(f'{found} has no parameter whose value is "tuned".')
            command = shlex.join(words)
            fill(solver, chosen, missing, trials, command, from_table)


def fill(solver, problems, missing, trials, command, from_table=False):
    """Fill a solver's table, save it after each entry, and note the command in it."""
    solver.use_machine()
    path = FOLDER / f"{solver.name}.json"
    table = stored(path, searched(solver))
    table["commands"] = sorted({*table["commands"], command})
    for problem in tqdm(problems, desc=str(solver)):
        key = entry_key(problem.task, solver.fixed_parameters())
        if missing and key in table and not table[key].get("former"):
            continue
        if solver.refusal(problem.tuning.observe(0)) is None:
            start = table.get(key, {}).get("values") if from_table else None
            table[key] = solver.search(problem.tuning, trials, start)
            tqdm.write(f"{solver.name} {key} {table[key]}")
            lines = [f" {json.dumps(k)}: {json.dumps(v)}" for k, v in table.items()]
            with replacing(path) as temporary:
                text = "{\n" + ",\n".join(lines) + "\n}\n"
                temporary.write_text(text, encoding="utf-8")


def searched(solver):
    """{parameter: what is tried} of a solver."""
    chosen = {k: v for k, v in solver.parameters.items() if getattr(v, "tried", "")}
    found = {name: parameter.tried for name, parameter in chosen.items()}
    if sum(isinstance(parameter, Number) for parameter in chosen.values()) > 1:
        found["steps"] = "along each number, then along two at once"
    return found


def stored(path, search):
    """The stored table of a solver; its entries are former ones if its search is another."""
    table = read_record(path) if path.exists() else {}
    if table.get("search") != search:
        found = {k: v for k, v in table.items() if "psnr" in v}
        table = {"commands": [], "search": search}
        table |= {key: entry | {"former": True} for key, entry in found.items()}
    return table


def tuning_problems(benchmark, patterns):
    """The problems of some patterns, one per task.

    Without a pattern they are those of the whole suite.
    """
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
        # Tiny test problems may share a task with a real one. The larger one is kept.
        known = found.get(str(problem.task), problem)
        larger = max((known, problem), key=lambda p: p.tuning.crop)
        found[str(problem.task)] = larger
    return list(found.values())


def main(arguments):
    """Tune some solvers."""
    options = parser("tune", "Tune solvers on images that are never scored.")
    options.add_argument("solvers", nargs="+", help="as after benchopt's -s")
    options.add_argument(
        "--problems",
        nargs="+",
        default=[],
        help="as after benchopt's -d (default: every problem of the suite)",
    )
    options.add_argument(
        "--missing", action="store_true", help="only new and former ones"
    )
    options.add_argument("--precision", choices=PRECISIONS, default=PRECISIONS[0])
    options.add_argument(
        "--trials", type=int, default=0, help="an entry (default: as many as it takes)"
    )
    options.add_argument(
        "--from-table",
        action="store_true",
        help="start from the table's values, not from what the solver states",
    )
    chosen = options.parse_args(arguments)
    in_checkout("tune")
    try:
        tune(
            chosen.solvers,
            chosen.problems,
            chosen.missing,
            chosen.precision,
            chosen.trials,
            chosen.from_table,
        )
    except ValueError as error:
        options.error(str(error))
