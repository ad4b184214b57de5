"""Result files of others: what they hold is checked before it is used."""

import hashlib
from pathlib import Path

import pandas as pd
from benchopt.results import read_results

from ..judge.metrics import METRICS
from .rows import machine_text, mixed_problems

CELL = ("dataset_name", "solver_name")
TEXTS = (*CELL, "objective_image", "objective_fingerprint")
UNKNOWN = "not stated"
NUMBERS = ("idx_rep", "stop_val", "objective_psnr", "objective_runtime")
# What tells one row of a cell from another.
POINT = ("idx_rep", "stop_val", "objective_image")


def read_submitted(file):
    """The rows of somebody's result file.

    Parameters
    ----------
    file : path
        A parquet file that ``benchopt run`` wrote.

    Returns and raises what `read_rows` does; also a ValueError for a file of another kind.
    """
    if Path(file).is_file() and Path(file).suffix != ".parquet":
        raise ValueError(f"{file} is not a parquet file: give one that `run` wrote.")
    return read_rows(file, TEXTS, NUMBERS)


def read_rows(file, texts=CELL, numbers=(), columns=POINT):
    """The rows of a result file, checked.

    Parameters
    ----------
    file : path
        A parquet or CSV file that ``benchopt run`` wrote.
    texts, numbers, columns : tuple of str
        The columns that it needs: those with texts, those with numbers, and others.

    Returns
    -------
    DataFrame

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, empty or no result file of this suite.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no file {file}: give a result file, such as one in outputs/."
        )
    try:
        df = read_results(file)
    except Exception as error:  # each damage has an error of its own
        raise ValueError(
            f"{file} cannot be read ({type(error).__name__}): it is damaged or no parquet "
            "or CSV file. Copy it again."
        ) from error
    check_columns(file, df, (*texts, *numbers))
    if df.empty:
        raise ValueError(f"{file} holds no results: give one with at least one cell.")
    for name in texts:
        if not df[name].map(lambda value: isinstance(value, str)).all():
            raise ValueError(f"{file} has values in {name} that are no texts.")
    for name in {*numbers, *(f"objective_{metric}" for metric in METRICS)} & set(df):
        if df[name].notna().any() and not pd.api.types.is_numeric_dtype(df[name]):
            raise ValueError(f"{file} has values in {name} that are no numbers.")
    check_columns(file, df, columns)
    for name in columns:
        if df[name].isna().any():
            raise ValueError(
                f"{file} has rows without a value in {name}: give a file that `run` wrote."
            )
    return without_repeats(df, file) if set(POINT) <= set(df) else df


def check_columns(file, df, columns):
    """Raise a ValueError if a result file lacks a column."""
    missing = [name for name in columns if name not in df]
    if missing:
        raise ValueError(
            f"{file} has no column {missing[0]}: give a result file of this suite."
        )


def without_repeats(df, file="The results"):
    """The rows without those that a run repeats, as for ``-s tv -s tv``.

    Raises
    ------
    ValueError
        If two rows of one point have different scores.
    """
    point = [*CELL, *POINT]
    scores = {f"objective_{key}" for key, m in METRICS.items() if m.higher_is_better}
    known = [*point, *sorted({"objective_fingerprint", *scores} & set(df))]
    kept = df.drop_duplicates(known)
    twice = kept[kept.duplicated(point)]
    if len(twice):
        row = twice.iloc[0]
        raise ValueError(
            f"{file} has two rows of {row['solver_name']} on {row['dataset_name']}, image "
            f"{row['objective_image']}, and they differ: run that cell again."
        )
    return kept


def combined(tables):
    """The results of several files together; of a cell in several the newest counts.

    Parameters
    ----------
    tables : dict
        {name of the file: DataFrame}

    Raises
    ------
    ValueError
        If two files have different measurements of one problem.
    """
    dated = [
        df.assign(source=name, newest=str(df["run_date"].max()))
        for name, df in tables.items()
    ]
    df = pd.concat(dated, ignore_index=True)
    for problem, marks in mixed_problems(df).items():
        rows = df[df["dataset_name"] == problem]
        first = rows.groupby("objective_fingerprint")["source"].first()
        texts = (f"{mark} in {first[mark]}" for mark in marks)
        raise ValueError(
            f"{problem} has different fingerprints ({', '.join(texts)}), so its scores do "
            "not compare: leave all but one of these files out."
        )
    order = df.sort_values(["newest", "source"])
    last = order.groupby(["dataset_name", "solver_name"])["source"].transform("last")
    kept = order[order["source"] == last].sort_index()
    return kept.drop(columns=["source", "newest"])


def origin(df):
    """Where results come from, {what: text}: date, code and versions, machine."""
    machine = [machine_text(df)] if "objective_threads" in df else []
    machine += [
        f"{text(df, column)}{unit}"
        for column, unit in (
            ("system-cpus", " cores"),
            ("system-ram (GB)", " GB"),
            ("platform", ""),
            ("platform-architecture", ""),
        )
        if column in df
    ]
    return {
        "date": text(df, "run_date")[:10],
        "versions": text(df, "objective_versions"),
        "machine": ", ".join(machine) or UNKNOWN,
    }


def text(df, column):
    """The values of a column, or that they are not stated."""
    if column not in df:
        return UNKNOWN
    values = dict.fromkeys(map(str, df[column].dropna()))
    return " or ".join(values) or UNKNOWN


def sha256(file):
    """The SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()
