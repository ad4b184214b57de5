"""The suite: its folder, and what benchopt's patterns select in it."""

import contextlib
import os
import re
import subprocess
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from unittest.mock import patch

import click
import yaml
from benchopt.benchmark import SLURM_JOB_NAME, Benchmark, _list_parametrized_classes
from benchopt.config import get_setting
from benchopt.results import read_results
from benchopt.runner import run_benchmark
from benchopt.utils.run_context import RunContext

from . import __version__
from .support.digests import Digests

PACKAGE = Path(__file__).parent
REPOSITORY = "https://github.com/deepinv/benchmark_inverse_problems"
# Where a wheel holds its copy of the plugins, which setup.py makes.
COPY = PACKAGE / "plugins"


def located(package):
    """The folder of the suite: the checkout around the package, else the wheel's copy.

    Raises
    ------
    FileNotFoundError
        If the plugins are in neither.
    """
    places = package.parent, package / COPY.name
    for folder in places:
        if (folder / "objective.py").is_file() and (folder / "solvers").is_dir():
            return folder
    raise FileNotFoundError(
        f"The plugins of benchmark_inverse_problems are neither in {places[0]} nor in "
        f"{places[1]}: install the package again."
    )


# The folder of the suite: objective.py, datasets, solvers, configs.
BENCHMARK = located(PACKAGE)
# Where an installed suite works: the folder in which its process started.
STARTED = Path.cwd()


def home(folder):
    """Where a suite's results, cache and image sets are.

    It is the suite's own folder. An installed copy uses the current folder instead.
    """
    return STARTED if folder == COPY else folder


def variables(folder):
    """benchopt's settings of a suite, as variables, which its workers inherit."""
    place, kept = home(folder), get_setting("cache")
    if place == folder:
        return {}
    return {
        "BENCHOPT_CACHE": kept or str(place / "__cache__"),
        "BENCHOPT_DATA_HOME": os.environ.get("BENCHOPT_DATA_HOME", str(place / "data")),
    }


os.environ.update(variables(BENCHMARK))
# What is known of files that are large and seldom change.
DIGESTS = Digests(home(BENCHMARK) / "__cache__" / "digests.json")
# The default of benchopt's command line, which is another one than `run_benchmark`'s.
MAX_RUNS = 100


@contextlib.contextmanager
def working_in(folder, outputs=None):
    """Let benchopt work for the suite of a folder, and give the path that names it.

    Parameters
    ----------
    folder : path
    outputs : path or None
        Where benchopt writes its files. None: ``outputs/`` of the suite's home.
    """
    place = home(folder)
    outputs = outputs or place / "outputs"

    def made(_):
        outputs.mkdir(exist_ok=True)
        return outputs

    with (
        contextlib.chdir(place),
        patch.object(Benchmark, "get_output_folder", made),
        patch.object(Benchmark, "get_slurm_folder", lambda _: place / SLURM_JOB_NAME),
    ):
        # benchopt's cache tells "." from the folder's full path, and users type ".".
        yield "." if place == folder else str(folder)


def in_checkout(what):
    """Refuse what changes the repository where an installed copy runs.

    Raises
    ------
    ValueError
        If there is no checkout.
    """
    if BENCHMARK == COPY:
        raise ValueError(
            f"{what} writes into the repository, which a wheel does not hold: use "
            f"`git clone {REPOSITORY}`, and run it there after `pip install -e .`."
        )


def version():
    """What the suite's code is: the commit of a checkout, else the package's version.

    A + follows the commit if files differ from it.
    """
    return version_of(BENCHMARK)


@cache
def version_of(folder):
    """`version` of the suite in a folder."""
    if not (folder / ".git").exists():  # another repository may be around it
        return f"version {__version__}"
    git = ["git", "describe", "--always", "--dirty=+"]
    try:
        found = subprocess.run(
            git, cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):  # git is missing
        return f"version {__version__}"
    return f"commit {found.stdout.strip()}"


def results_of(problems, solvers):
    """What `benchopt run` finds; the cache's cells are not computed again.

    Parameters
    ----------
    problems, solvers : list of str
        As after ``-d`` and ``-s``.

    Returns
    -------
    DataFrame
        One row an image, problem and solver.

    Raises
    ------
    ValueError
        If a pattern selects nothing, or a parameter has a value that is not allowed.
    """
    with working_in(BENCHMARK) as folder:
        return computed(Benchmark(folder), problems, solvers)


def computed(benchmark, problems, solvers, repetitions=1):
    """What `benchopt run` finds with a benchmark made in `working_in`.

    Its parameters, result and errors are those of `results_of`.
    """
    instances(benchmark.check_dataset_patterns, list(problems))
    instances(benchmark.check_solver_patterns, list(solvers))
    # benchopt's cache tells one budget of runs or of time from another: use what users
    # type.
    file = run_benchmark(
        benchmark,
        solver_names=list(solvers),
        dataset_names=list(problems),
        max_runs=MAX_RUNS,
        n_repetitions=repetitions,
        timeout=get_setting("default_timeout"),
        plot_result=False,
        output_file="evaluation.parquet",
    )
    try:
        return read_results(file)
    finally:
        file.unlink()


class Unique(yaml.SafeLoader):
    """YAML that refuses a name that stands twice. Plain YAML would lose its first value."""

    def construct_mapping(self, node, deep=False):
        names = set()
        for key in [k for k, _ in node.value if isinstance(k, yaml.ScalarNode)]:
            if key.value in names:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key.value} stands there twice",
                    problem_mark=key.start_mark,
                )
            names.add(key.value)
        return super().construct_mapping(node, deep)


def read_settings(path):
    """What a configuration file holds: names with values, in YAML.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds something else, or a name twice.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no configuration file {path}: give the path of a YAML file."
        )
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Unique)
    except (UnicodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" from line {mark.line + 1} on" if mark else ""
        twice = isinstance(error, yaml.constructor.ConstructorError)
        why = f" ({error.problem})" if twice else ""
        raise ValueError(
            f"{path} cannot be read as YAML{line}{why}: correct it, or take it from the "
            "repository."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} holds {content!r:.50}: write names with values, as in `solver: [ram]`."
        )
    return content


def configured(path):
    """The dataset and the solver patterns of a run config, for `results_of`.

    Raises
    ------
    FileNotFoundError, ValueError
        See `read_settings`; also if it has no list of one of them.
    """
    config = read_settings(path)
    for kind in ("dataset", "solver"):
        if not isinstance(config.get(kind), list):
            raise ValueError(
                f"{kind} is {config.get(kind)!r} in {path}: write a list of names."
            )
    return config["dataset"], config["solver"]


def problems(benchmark, pattern):
    """The instances of a dataset pattern."""
    return instances(benchmark.check_dataset_patterns, [pattern])


def solvers(benchmark, patterns):
    """The instances of solver patterns."""
    return instances(benchmark.check_solver_patterns, list(patterns))


def instances(check, patterns):
    """What benchopt's `check` of patterns selects.

    Raises
    ------
    ValueError
        If it selects nothing or what cannot be used, or a parameter is unknown, stands twice
        or has a value that is not allowed.
    TypeError
        If a pattern is no text.
    """
    check_once(patterns)
    wrong = [pattern for pattern in patterns if not isinstance(pattern, str)]
    if wrong:
        raise TypeError(
            f"{wrong[0]!r} is a {type(wrong[0]).__name__} and no name: write a problem or a "
            'solver as after benchopt\'s -d and -s, such as "div2k_sr4" or "tv[weight=0.1]".'
        )
    try:
        found = list(_list_parametrized_classes(*check(patterns)))
    except (click.BadParameter, ValueError) as error:
        message = getattr(error, "message", str(error))
        raise ValueError(explained(message) or message) from None
    lost = [name for name, usable in found if not usable]
    if lost:
        raise ValueError(
            f"{lost[0]} cannot be used: a package that it needs is not installed, or its file "
            "is of another kind."
        )
    found = [instance for instance, _ in found]
    if not found:
        raise ValueError(
            f"{', '.join(patterns)} selects nothing: give each parameter at least one value."
        )
    for instance in found:
        instance.check_parameters()
    return found


def explained(message):
    """What benchopt says of unknown names, with those that are like them; "" of others."""
    plugins = re.search(r"Patterns \[(.*)\] did not match any (\w+)\.", message)
    parameters = re.match(r"Unknown parameter (.*) for \w+ (.*)\.\n", message)
    if plugins:
        names, kind, owner = plugins[1], plugins[2], ""
    elif parameters:
        names, kind, owner = parameters[1], "parameter", f" of {parameters[2]}"
    else:
        return ""
    known = re.findall(r"^- (\S+)", message, re.MULTILINE)
    sentences = []
    for name in re.findall(r"['\"]([^'\"]+)['\"]", names):
        near = get_close_matches(name.split("[")[0], known, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "use one of them."
        sentences.append(f"There is no {kind} {name}{owner}: {hint}")
    return "\n".join((*sentences, f"Known are {', '.join(known) or 'none'}."))


def check_once(patterns):
    """Refuse patterns that name a parameter twice, of which benchopt takes the last value.

    Raises
    ------
    ValueError
    """
    for pattern in filter(lambda pattern: isinstance(pattern, str), patterns):
        unquoted = re.sub(r"'[^']*'|\"[^\"]*\"", "''", pattern)
        names = re.findall(r"(?<=[\[,])\s*(\w+)\s*=", unquoted)
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"{name} stands {names.count(name)} times in {pattern}: write several "
                    f"values as a list, as in {name}=[1,2]."
                )


def prepared(solver, problem, crop=None, **parameters):
    """A fresh instance of a solver with a problem, ready to run; None if it skips.

    `crop` is the side of the image, instead of the problem's. Volumes are not cropped: None.
    """
    dataset, *_ = problems(Benchmark(BENCHMARK), problem)
    if crop is not None:
        if "crop" not in dataset.parameters:
            return None
        dataset = type(dataset).get_instance(**dataset._parameters | {"crop": crop})
    return ready(solver, dataset, dataset.get_data()["problem"], **parameters)


def ready(solver, dataset, problem, context=None, **parameters):
    """A fresh instance of a solver with a dataset's problem; None if it skips.

    `context` holds the processes that share the work, if there are several.
    """
    # A new instance has no state of another run.
    solver = type(solver).get_instance(**solver._parameters | parameters)
    solver.context = context
    RunContext().set_run_context("command", dataset, solver, repetition=0, base_seed=0)
    handed = {"observations": problem.observations, "tuning": problem.tuning}
    if solver.skip(**handed)[0]:
        return None
    solver.set_objective(**handed)
    return solver


def first_result(solver):
    """Run a solver; its last `Reconstruction` of the first image, with costs."""
    solver.run(lambda: True)
    return solver.get_result()["reconstructions"][0]
