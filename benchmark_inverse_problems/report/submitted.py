"""Result files of others: what they hold is checked before it is used."""

import hashlib
from pathlib import Path

import pandas as pd
from benchopt.results import read_results

TEXTS = ("dataset_name", "solver_name", "objective_image", "objective_fingerprint")
NUMBERS = ("idx_rep", "stop_val", "objective_psnr", "objective_runtime")


def read_submitted(file):
    """The rows of somebody's result file.

    Parameters
    ----------
    file : path
        A parquet file that ``benchopt run`` wrote.

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
        raise FileNotFoundError(f"There is no file {file}: give a result file.")
    if file.suffix != ".parquet":
        raise ValueError(f"{file} is not a parquet file: give one that `run` wrote.")
    try:
        df = read_results(file)
    except Exception as error:  # each damage has an error of its own
        raise ValueError(
            f"{file} cannot be read ({type(error).__name__}): it is damaged or no parquet "
            "file. Copy it again."
        ) from error
    missing = [name for name in (*TEXTS, *NUMBERS) if name not in df]
    if missing:
        raise ValueError(
            f"{file} has no column {missing[0]}: give a result file of this suite."
        )
    if df.empty:
        raise ValueError(f"{file} holds no results: give one with at least one cell.")
    for name in TEXTS:
        if not df[name].map(lambda value: isinstance(value, str)).all():
            raise ValueError(f"{file} has values in {name} that are no texts.")
    for name in NUMBERS:
        if not pd.api.types.is_numeric_dtype(df[name]):
            raise ValueError(f"{file} has values in {name} that are no numbers.")
    return df


def sha256(file):
    """The SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()
