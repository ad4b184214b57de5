"""Run a comparison as `benchopt run .` does, and report failures.

benchopt prints the traceback of a failed cell, leaves the cell out of the results and
exits with 0. This command lists the failed cells at the end and exits with 1. benchopt
writes into ``outputs/`` while others read there. This command makes it write into a
folder of the run's own, and moves finished files to ``outputs/``.
"""

import contextlib
import errno
import os
import platform
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from urllib.parse import unquote

import click
import psutil
from benchopt.benchmark import Benchmark
from benchopt.cli.main import run as benchopt_run
from benchopt.results import read_results
from joblib.externals.loky.process_executor import TerminatedWorkerError

from ..report.dashboard import self_contained
from ..solving import settings
from ..solving.failures import hand_over, read_failures
from ..suite import BENCHMARK
from ..support.atomic import NotWritten, claim, replacing

# Start of the names of the folders of runs, before the process id. It names the
# machine, because machines may share the folder.
OWN = f".run_{platform.node()}_"
# What is said where a run ends early.
KEPT = "Finished cells are kept, and the same command goes on where this one stopped."
INTERRUPTED = 130  # the exit status of a command that Ctrl-C ended
# Errors of a full disk, of a quota and of a limit on the size of files.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


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
        settings.device(), settings.threads()
    except ValueError as error:  # also where every cell is in the cache
        print(error)
        return 1
    outputs = BENCHMARK / "outputs"
    try:
        outputs.mkdir(exist_ok=True)
        sweep(outputs)
        with TemporaryDirectory(prefix=f"{OWN}{os.getpid()}_", dir=outputs) as folder:
            status = run(arguments, Path(folder))
            return publish(Path(folder), outputs, status)
    except NotWritten as error:
        print(error)
        return 1
    except OSError as error:
        if error.errno not in FULL:
            raise
        print(
            f"The results cannot be written to {outputs} ({error.strerror}): make room "
            "and run the same command again. What was there is as it was, and cells that "
            "found room in the cache are not computed again."
        )
        return 1


def sweep(outputs):
    """Remove the folders that killed runs of this machine left."""
    for folder in outputs.glob(f"{OWN}*"):
        pid = folder.name.removeprefix(OWN).split("_")[0]
        if not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def run(arguments, folder):
    """Let `benchopt run` write into a folder of its own; return its exit status."""
    try:
        # benchopt's cache distinguishes "." from the full path. Users type ".".
        with (
            contextlib.chdir(BENCHMARK),
            patch.object(Benchmark, "get_output_folder", lambda _: folder),
        ):
            benchopt_run([".", "--no-display", *arguments], standalone_mode=False)
    except SystemExit as error:  # no result at all, or an unusable argument
        return error.code
    except click.Abort:
        print(f"Interrupted. {KEPT}")
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except TerminatedWorkerError:
        print(
            "A worker was killed, often by the system for want of memory, and its cell has "
            f"no result. {KEPT} Without -j it runs one cell at a time."
        )
        return 1
    return 0


def publish(folder, outputs, status):
    """Move the files of a run to `outputs`, and print its failures.

    Returns
    -------
    int
        `status`, or 1 if it is 0 and a cell failed.
    """
    done = set()
    for results in (*folder.glob("*.parquet"), *folder.glob("*.csv")):
        cells = read_results(results)[["dataset_name", "solver_name"]]
        done |= set(cells.itertuples(index=False, name=None))
        target = claim(results, outputs)
        print(f"Results: {target}")
        # The dashboard, and files that solvers may have left in a folder of this name.
        for item in list(folder.iterdir()):
            name = unquote(item.name)  # benchopt quotes the names of pages
            if results.stem not in name:
                continue
            place = outputs / name.replace(results.stem, target.stem)
            if item.suffix != ".html":
                item.rename(place)
            elif status == 0:  # else the page may be incomplete
                html = self_contained(item.read_text(encoding="utf-8"))
                with replacing(place) as temporary:
                    temporary.write_text(html, encoding="utf-8")
                print(f"Dashboard: {place}")
    failures = read_failures(folder)
    hand_over(folder, outputs, done)
    for failure in failures:
        print(f"FAILED {failure['solver']} on {failure['dataset']}: {failure['error']}")
    return status or int(bool(failures))
