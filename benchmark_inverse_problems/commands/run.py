"""Run a comparison as `benchopt run .` does, and print its results.

benchopt prints the traceback of a failed cell, leaves the cell out of the results and
exits with 0. This command lists the failed cells beside the results of the others and exits
with 1. benchopt writes into ``outputs/`` while others read there. This command makes it
write into a folder of the run's own, and moves finished files to ``outputs/``.
"""

import ast
import contextlib
import errno
import io
import os
import platform
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import click
import pandas as pd
import psutil
from benchopt.benchmark import Benchmark, _list_parametrized_classes
from benchopt.cli.main import run as benchopt_run
from benchopt.results import read_results
from joblib.externals.loky.process_executor import TerminatedWorkerError

from ..judge import perceptual
from ..report.dashboard import making_pages, self_contained
from ..report.pictures import PICTURES
from ..report.terminal import summary
from ..solving import settings
from ..solving.failures import hand_over, read_failures
from ..suite import (
    BENCHMARK,
    check_once,
    explained,
    home,
    read_settings,
    working_in,
)
from ..support.atomic import NotWritten, claim, replacing
from ..support.parquet import compress
from . import INTERRUPTED, PROGRAM

# Start of the names of the folders of runs, before the process id. It names the
# machine, because machines may share the folder.
OWN = f".run_{platform.node()}_"
# Plots of benchopt itself.
OWN_PLOTS = ("objective_curve", "bar_chart", "boxplot", "table")
# Most characters of the name of a run's files.
LONGEST = 100
EXAMPLES = {"dataset": "div2k_sr4", "solver": "ram"}
# What is said where a run ends early.
KEPT = "Finished cells are kept, and the same command goes on where this one stopped."
# Options that take the path of a YAML file.
FILES = {"--config", "--parallel-config"}
# Errors of a full disk, of a quota and of a limit on the size of files.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Errors of a folder that only others may write to.
FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}

# What benchopt says of files, and the colours that it says it in.
WRITTEN = re.compile(r"Saving result in: |\s*Processing |Writing .* to ")
# What it says where no cell has a result.
NOWHERE = "Saving result in: None"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def main(arguments):
    """Run benchopt on this benchmark and report.

    Parameters
    ----------
    arguments : list of str
        What would follow ``benchopt run .``.

    Returns
    -------
    int
        0 if all is well. 1 if a cell failed, nothing was computed or the disk is full.
        2 for an unusable argument.
    """
    try:
        settings.compiled(), settings.threads(), perceptual.state()
    except ValueError as error:  # also where every cell is in the cache
        print(error)
        return 1
    place = home(BENCHMARK)
    outputs = place / "outputs"
    arguments = placed(arguments)
    check_pages(read_settings(BENCHMARK / "config.yml"))
    check_output(arguments)
    patterns, lost = patterns_of(arguments), []
    if patterns:
        benchmark = Benchmark(BENCHMARK)
        lost = left_out(benchmark, patterns)
        for sentence in refused(benchmark, patterns):
            print(sentence)
    try:
        if outputs.exists() and not outputs.is_dir():
            print(f"{outputs} is no folder: move it away. Results are written there.")
            return 1
        outputs.mkdir(exist_ok=True)
        sweep(outputs)
        with TemporaryDirectory(prefix=f"{OWN}{os.getpid()}_", dir=outputs) as folder:
            with making_pages() as pictures:
                status = run(arguments, Path(folder))
            status = publish(Path(folder), outputs, status, pictures)
        for sentence in lost:
            print(sentence)
        return status or int(bool(lost))
    except NotWritten as error:
        print(error)
        return 1
    except OSError as error:
        if error.errno in FORBIDDEN:
            instead = "run a copy of it" if place == BENCHMARK else "run elsewhere"
            print(
                f"{error.filename or outputs} cannot be written ({error.strerror}): make "
                f"{place} writable, or {instead}. Results, cache and dashboards are written "
                "there."
            )
            return 1
        if error.errno not in FULL:
            raise
        print(
            f"The results cannot be written to {outputs} ({error.strerror}): make room "
            "and run the same command again. What was there is as it was, and cells that "
            "found room in the cache are not computed again."
        )
        return 1


def placed(arguments):
    """The arguments, with the full paths of configuration files.

    A file is looked for in the working folder, and then in the benchmark's folder.

    Raises
    ------
    FileNotFoundError
        If it is in neither.
    ValueError
        If it cannot be read.
    """
    found = list(arguments)
    for index, argument in enumerate(found):
        option, equals, file = argument.partition("=")
        if option not in FILES:
            continue
        if not equals:
            index += 1
            if index == len(found):
                break  # benchopt says that the file is missing
            file = found[index]
        places = Path.cwd() / file, BENCHMARK / file
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            folders = " nor in ".join(dict.fromkeys(map(str, (Path.cwd(), BENCHMARK))))
            raise FileNotFoundError(
                f"There is no configuration file {file} in {folders}: give the path of a "
                "YAML file."
            )
        read_settings(path)
        found[index] = f"{option}={path}" if equals else str(path)
    return found


def check_pages(content):
    """Check the page's part of config.yml before anything is computed.

    Raises
    ------
    ValueError
        If they are not what benchopt takes, or name a plot that is not there.
    """
    plots, views = content.get("plots") or [], content.get("plot_configs") or {}
    known = sorted([*OWN_PLOTS, *(f.stem for f in (BENCHMARK / "plots").glob("*.py"))])
    if not isinstance(plots, list) or not set(map(str, plots)) <= set(known):
        raise ValueError(
            f"plots is {plots!r} in config.yml: write a list of some of {', '.join(known)}."
        )
    if not isinstance(views, dict) or not all(
        isinstance(v, dict) for v in views.values()
    ):
        raise ValueError(
            f"plot_configs is {views!r:.60} in config.yml: write names of views with their "
            "settings."
        )


def check_output(arguments):
    """Check the name of a run's files, which are written into outputs/.

    Raises
    ------
    ValueError
        If it is no name of a file.
    """
    for index, argument in enumerate(arguments):
        option, equals, name = argument.partition("=")
        if option != "--output":
            continue
        if not equals:
            name = next(iter(arguments[index + 1 :]), None)
        if name is None:  # benchopt says so
            continue
        # benchopt drops what follows a dot, so that v1.1 would overwrite v1.2.
        stem = name.removesuffix(".parquet").removesuffix(".csv")
        if not stem or set(stem) & set("./\\\0") or len(stem) > LONGEST:
            raise ValueError(
                f"--output {name[:80]!r} is no name of a file: give one without slashes "
                f"and dots, of at most {LONGEST} characters. Files are written into outputs/."
            )


def refused(benchmark, patterns):
    """What is wrong with parameters of a run, said before it starts; their cells fail.

    What else benchopt itself refuses is left to it.

    Raises
    ------
    ValueError
        If a value is no word of benchopt's syntax, or a parameter is unknown or stands
        twice.
    """
    check_once([*patterns["dataset"], *patterns["solver"]])
    checks = {
        "dataset": benchmark.check_dataset_patterns,
        "solver": benchmark.check_solver_patterns,
    }
    try:
        found = [
            instance.refused
            for kind, check in checks.items()
            for instance, there in _list_parametrized_classes(*check(patterns[kind]))
            if there
        ]
    except ValueError as error:
        pattern = re.match(r"Invalid name '(.*)', evaluated as ", str(error))
        if pattern:
            raise ValueError(
                f"[{pattern[1]}] cannot be read: put values that start with a digit, or have "
                "spaces or accents, into quotation marks, as in images='été 2024'."
            ) from error
        if sentence := explained(str(error)):
            raise ValueError(sentence) from error
        return []
    except (click.ClickException, TypeError):
        return []
    return sorted({sentence for sentence in found if sentence})


def patterns_of(arguments):
    """The patterns of a run, {"dataset", "solver": list of str}; None if it has no such run.

    They are those of the command line, else those of its configuration file.

    Raises
    ------
    ValueError
        If the file has no lists.
    """
    try:
        # Checks of paths are relative to the suite's home.
        with working_in(BENCHMARK) as name, contextlib.redirect_stdout(io.StringIO()):
            options = benchopt_run.make_context("run", [name, *arguments]).params
    except (click.ClickException, click.exceptions.Exit):
        return None
    config = options["config_file"]
    config = read_settings(Path(config)) if config else {}
    found = {}
    for kind in ("dataset", "solver"):
        listed = options[kind] or config.get(kind) or ()
        if not isinstance(listed, list | tuple):
            raise ValueError(
                f"{kind} is {listed!r} in the configuration file: write a list of names, as in "
                f"`{kind}: [{EXAMPLES[kind]}]`."
            )
        found[kind] = list(listed)
    return found


def left_out(benchmark, patterns):
    """What keeps the file of a plugin that was asked for from running, one sentence each.

    A run of all solvers leaves those out whose packages are missing, without a word here.

    Raises
    ------
    ValueError
        If a file that is named is broken, or any file is no Python. benchopt then runs
        nothing.
    """
    try:
        classes = {
            "dataset": benchmark.get_datasets(),
            "solver": benchmark.get_solvers(),
        }
    except SyntaxError as error:
        raise ValueError(no_python(benchmark.benchmark_dir)) from error
    for kind, listed in classes.items():
        check_names(kind, listed)
    found = []
    for kind, listed in classes.items():
        named = {str(pattern).split("[")[0] for pattern in patterns[kind]}
        for cls in listed:
            error, file = getattr(cls, "_exc", None), Path(cls._module_filename)
            missing = isinstance(error, ImportError)
            if error is None or (missing if not named else file.stem not in named):
                continue
            if missing:
                sentence = f"{file.stem} is not installed ({error}): install it, or leave it out."
            else:
                sentence = (
                    f"{kind}s/{file.name} cannot be used ({type(error).__name__}: {error}): "
                    "correct it, or leave it out."
                )
                if named:
                    raise ValueError(sentence)
            found.append(sentence)
    return found


def check_names(kind, classes):
    """Check that no two files have a plugin of the same name.

    Raises
    ------
    ValueError
        If two have one: their results would be taken for those of one plugin.
    """
    files = {}
    for cls in classes:
        file = Path(cls._module_filename).name
        other = files.setdefault(cls.name, file)
        if other != file:
            raise ValueError(
                f"{kind}s/{other} and {kind}s/{file} both have the name {cls.name!r}: give "
                "each the stem of its file."
            )


def no_python(folder):
    """Which file of a benchmark is no Python, as a sentence."""
    for kind in ("datasets", "solvers", "plots"):
        for file in sorted((folder / kind).glob("*.py")):
            try:
                ast.parse(file.read_bytes())
            except SyntaxError as error:
                return (
                    f"{kind}/{file.name} is no Python in line {error.lineno} ({error.msg}), and "
                    f"nothing runs beside it: correct it, or move it out of {kind}/."
                )


def sweep(outputs):
    """Remove the folders that killed runs of this machine left."""
    for folder in outputs.glob(f"{OWN}*"):
        pid = folder.name.removeprefix(OWN).split("_")[0]
        if not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def run(arguments, folder):
    """Let `benchopt run` write into a folder of its own; return its exit status."""
    try:
        with (
            working_in(BENCHMARK, folder) as name,
            contextlib.redirect_stdout(WithoutPaths(sys.stdout, folder)),
        ):
            benchopt_run([name, "--no-display", *arguments], standalone_mode=False)
    except SystemExit as error:  # no result at all, or an unusable argument
        return error.code
    except click.Abort:
        print(f"Interrupted. {KEPT}")
        return INTERRUPTED
    except click.ClickException as error:
        message = error.format_message()
        hint = f"{message} `{PROGRAM} run --help` lists the options."
        print(f"\n{explained(message) or hint}", file=sys.stderr)
        return error.exit_code
    except TerminatedWorkerError:
        print(
            "A worker was killed, often by the system for want of memory, and its cell has "
            f"no result. {KEPT} Without -j it runs one cell at a time."
        )
        return 1
    return 0


class WithoutPaths:
    """A stream without what benchopt says of the files in a run's own folder.

    They are moved at its end, so that the paths lead nowhere.
    """

    def __init__(self, stream, folder):
        self.stream, self.folder, self.left_out = stream, str(folder), False

    def write(self, text):
        plain = COLOUR.sub("", text)
        if WRITTEN.match(plain) and (self.folder in text or NOWHERE in plain):
            self.left_out = True
        elif text:  # `print` writes the end of a line by itself
            if not (self.left_out and text == "\n"):
                self.stream.write(text)
            self.left_out = False
        return len(text)

    def __getattr__(self, name):
        return getattr(self.stream, name)


def publish(folder, outputs, status, pictures):
    """Move the files of a run to `outputs`; print its results, failures and paths.

    Parameters
    ----------
    folder, outputs : Path
    status : int
        What `run` returned.
    pictures : Encoded
        Those of the dashboard.

    Returns
    -------
    int
        `status`, or 1 if it is 0 and a cell failed.
    """
    found, paths = [], []
    for results in (*folder.glob("*.parquet"), *folder.glob("*.csv")):
        found.append(read_results(results))
        if results.suffix == ".parquet":
            compress(results, PICTURES)
        target = claim(results, outputs)
        paths.append(f"Results: {target}")
        # The dashboard, and files that solvers may have left in a folder of this name.
        for item in list(folder.iterdir()):
            name = unquote(item.name)  # benchopt quotes the names of pages
            if results.stem not in name:
                continue
            place = outputs / name.replace(results.stem, target.stem)
            if item.suffix != ".html":
                item.rename(place)
            elif status == 0:  # else the page may be incomplete
                html = self_contained(item.read_text(encoding="utf-8"), pictures)
                with replacing(place) as temporary:
                    temporary.write_text(html, encoding="utf-8")
                paths.append(f"Dashboard: {place}")
    df = pd.concat(found) if found else pd.DataFrame()
    failures = read_failures(folder)
    cells = df.reindex(columns=["dataset_name", "solver_name"])
    hand_over(folder, outputs, set(cells.itertuples(index=False, name=None)))
    for text in (summary(df, failures), "\n".join(paths)):
        if text:
            print(f"\n{text}")
    return status or int(bool(failures))
