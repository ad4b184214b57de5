"""Compute a sample of somebody's results again, and compare the scores.

Nothing comes from the cache. A cell is the same if its measurements have the same
fingerprint and the score of each image differs by no more than the tolerance. The cells run
with the file's number of threads unless INVERSE_PROBLEMS_THREADS says another, and with
networks compiled or not as INVERSE_PROBLEMS_COMPILE says here. The exit status is 1 if a
cell differs or cannot be computed.

A network that is fitted to the measurement, as by ``dip``, makes rounding errors larger: on
another machine it may need a tolerance of 0.1 dB.
"""

import contextlib
import io
import os
import random
import re
import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pandas as pd
from benchopt.benchmark import Benchmark
from tqdm import tqdm

from ..judge.metrics import METRICS
from ..report.names import joined_name, split_name
from ..report.rows import ALL, last_rows
from ..report.submitted import read_submitted
from ..solving import settings
from ..solving.failures import read_failures
from ..suite import BENCHMARK, computed, version, working_in
from ..support.progress import quiet
from . import PROGRAM, parser

SAMPLE = 5  # cells
TOLERANCE = 0.02  # dB, as other processors round in other ways
CELL = ["dataset_name", "solver_name"]
# Values that benchopt's patterns take without quotation marks.
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*|[+-]?[0-9.]+([eE][+-]?[0-9]+)?")


class NotComputed(Exception):
    """Why a cell has no result here."""


def pattern(name, known):
    """The pattern of benchopt's that selects what a result file names.

    Parameters
    ----------
    name : str
        A problem or a solver with its parameters.
    known : list of str
        The names of the suite. A file must not name code elsewhere on this machine.

    Raises
    ------
    NotComputed
        If the suite has no such problem or solver.
    """
    stem, parameters = split_name(name)
    if stem not in known:
        raise NotComputed(f"{stem} is not in this suite: add its file.")
    quoted = {
        key: value if PLAIN.fullmatch(value) else repr(value)
        for key, value in parameters.items()
    }
    return joined_name(stem, quoted)


def again(rows):
    """The rows of a cell, computed on this machine without the cache.

    Parameters
    ----------
    rows : DataFrame
        Those of the result file.

    Raises
    ------
    NotComputed
        If there is no such cell here, or its computation fails.
    """
    problem, solver = rows[CELL].iloc[0]
    # Another number of threads rounds in other ways.
    threads = os.environ.get(settings.THREADS)
    if threads is None and "objective_threads" in rows:
        threads = str(rows["objective_threads"].iloc[0])
    seed = whole(rows, "base_seed")[-1] if "base_seed" in rows else 0
    repetitions = whole(rows, "idx_rep")
    if repetitions != list(range(len(repetitions))):
        raise NotComputed(f"its idx_rep are {repetitions}: they count from 0")
    with TemporaryDirectory() as folder:
        try:
            with (
                patch.dict(
                    os.environ, {} if threads is None else {settings.THREADS: threads}
                ),
                working_in(BENCHMARK, Path(folder)) as name,
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                benchmark = Benchmark(name, seed=seed, no_cache=True)
                problems = [pattern(problem, benchmark.get_dataset_names())]
                solvers = [pattern(solver, benchmark.get_solver_names())]
                found = computed(benchmark, problems, solvers, len(repetitions))
        except (ValueError, RuntimeError, SystemExit) as error:
            failures = read_failures(folder)
            if isinstance(error, SystemExit) and not failures:
                raise KeyboardInterrupt from error  # benchopt's word for Ctrl-C
            if failures:
                raise NotComputed(failures[-1]["error"]) from error
            if isinstance(error, ValueError):
                raise NotComputed(str(error).splitlines()[0]) from error
            raise NotComputed(
                f"benchopt skipped it: `{PROGRAM} run -d {problem} -s {solver}` says why."
            ) from error
    names = found[CELL].iloc[0].tolist()
    if names != [problem, solver]:
        raise NotComputed(f"it is {names[1]} on {names[0]} here.")
    return found


def whole(rows, column):
    """The whole numbers in a column of a result file, once each, in order.

    Raises
    ------
    NotComputed
        If there are others, or negative ones.
    """
    numbers = pd.to_numeric(rows[column], errors="coerce")
    wrong = rows[column][~((numbers >= 0) & (numbers % 1 == 0))]
    if len(wrong):
        raise NotComputed(f"its {column} is {wrong.iloc[0]}: it is a whole number")
    return sorted(int(number) for number in numbers.unique())


def verdict(given, found, metric, tolerance):
    """What is said of a cell, and whether it is the same.

    Parameters
    ----------
    given, found : DataFrame
        The rows of the file and those of this machine.
    metric : str
        A key of `METRICS`.
    tolerance : float
        The largest difference of an image's metric.

    Returns
    -------
    (str, bool)
    """
    given, found = (last_rows(rows, ALL) for rows in (given, found))
    marks = [set(rows["objective_fingerprint"]) for rows in (given, found)]
    if marks[0] != marks[1]:
        texts = [", ".join(sorted(mark)) for mark in marks]
        return (
            f"DIFFERENT: its fingerprint is {texts[0]} in the file and {texts[1]} here, so "
            "images, operator or noise are others"
        ), False
    column, keys = f"objective_{metric}", ["idx_rep", "objective_image"]
    given, found = (rows.set_index(keys)[column] for rows in (given, found))
    if sorted(given.index) != sorted(found.index):
        return (
            f"DIFFERENT: it has {len(given)} rows of images in the file and {len(found)} here"
        ), False
    old, new = given.to_numpy(), found[given.index].to_numpy()
    same = np.isclose(old, new, rtol=0, atol=tolerance, equal_nan=True)
    # Equal infinities have no difference, and a NaN beside a number has the largest.
    equal = (old == new) | (np.isnan(old) & np.isnan(new))
    with np.errstate(invalid="ignore"):
        gap = np.where(equal, 0, abs(old - new))
    worst, metric = np.nan_to_num(gap, nan=np.inf).argmax(), METRICS[metric]
    if not same.all():
        scores = [
            f"{score:.{metric.digits + 2}f}" for score in (old[worst], new[worst])
        ]
        return (
            f"DIFFERENT: {metric.title} of {given.index[worst][1]} is {scores[0]} in the "
            f"file and {scores[1]} here"
        ), False
    return f"same, at most {gap[worst]:.1g} {metric.unit}".rstrip() + " apart", True


def main(arguments):
    """Print each cell of the sample and whether it is the same.

    Returns
    -------
    int
        The exit status.
    """
    options = parser("verify", "Compute a sample of a result file's cells again.")
    options.add_argument("file", help="a parquet file of results")
    how_many = options.add_mutually_exclusive_group()
    how_many.add_argument(
        "--sample",
        type=int,
        default=SAMPLE,
        help=f"number of cells (default: {SAMPLE})",
    )
    how_many.add_argument("--all", action="store_true", help="every cell")
    options.add_argument(
        "--seed", type=int, help="of the choice of cells (default: a new one)"
    )
    options.add_argument("--metric", choices=METRICS, default="psnr")
    options.add_argument(
        "--tolerance",
        type=float,
        default=TOLERANCE,
        help=f"of the metric, of each image (default: {TOLERANCE})",
    )
    chosen = options.parse_args(arguments)
    if chosen.sample < 1:
        options.error(f"--sample is {chosen.sample}: take at least one cell.")
    if not chosen.tolerance >= 0:
        options.error(f"--tolerance is {chosen.tolerance}: take zero or more.")
    df = read_submitted(chosen.file)
    if f"objective_{chosen.metric}" not in df:
        raise ValueError(f"{chosen.file} holds no {chosen.metric}: take --metric psnr.")
    cells = {cell: rows for cell, rows in df.groupby(CELL, sort=False)}
    seed = secrets.randbelow(10**6) if chosen.seed is None else chosen.seed
    count = len(cells) if chosen.all else min(chosen.sample, len(cells))
    sample = random.Random(seed).sample(list(cells), count)
    same = 0
    for cell in tqdm(sample, desc="cells", disable=quiet(), leave=False):
        sentence, equal = assess(cells[cell], chosen.metric, chosen.tolerance)
        tqdm.write(f"{cell[1]} on {cell[0]}: {sentence}.")
        same += equal
    print(f"{same} of {count} cells are the same, of {len(cells)} (--seed {seed}).")
    print(f"{version().capitalize()}, {settings.machine(settings.device())}.")
    return int(same < count)


def assess(rows, metric, tolerance):
    """The `verdict` on a cell of the file, which is computed here."""
    try:
        return verdict(rows, again(rows), metric, tolerance)
    except NotComputed as reason:
        return f"NOT COMPUTED: {str(reason).rstrip('.')}", False
