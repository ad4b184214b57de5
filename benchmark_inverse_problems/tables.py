"""``python -m benchmark_inverse_problems.tables FILE``: a table for a paper.

Problems are rows, solvers are columns; each number is the mean over the images.
"""

import argparse
import re

import pandas as pd
from benchopt.results import read_results

from .metrics import METRICS
from .published import published
from .results import last_rows, short

FORMATS = ("markdown", "latex", "csv")


def pivot(df, metric):
    """Mean of a metric, problems by solvers (a DataFrame), NaN where a solver skips."""
    rows = pd.concat(last_rows(df, dataset) for dataset in df["dataset_name"].unique())
    table = rows.pivot_table(
        index="dataset_name",
        columns="solver_name",
        values=f"objective_{metric}",
        aggfunc="mean",
        sort=False,
    )
    return table.rename(columns=short).rename_axis(None, axis=1)


def with_published(table, metric):
    """The table with columns of published figures, marked as such, and their sources.

    Only figures of the same protocol: the same images, whole, with the same noise.
    """
    figures, sources = published(table.index, metric)
    columns = {f"{method} (published)": figures[method] for method in figures}
    notes = [f"{method}: {source}." for method, source in sources.items()]
    return table.join(pd.DataFrame(columns, index=table.index)), notes


def formatted(table, format, digits, notes=(), title="problem"):
    """The table as a text.

    Parameters
    ----------
    table : DataFrame
    format : {"markdown", "latex", "csv"}
        LaTeX needs the package booktabs; CSV has all digits and no notes.
    digits : int
    notes : list of str
        Lines below the table.
    title : str
        Of the column of the table's index.
    """
    if format == "csv":
        return table.to_csv(index_label=title)
    cells = table.map(lambda v: "" if pd.isna(v) else f"{v:.{digits}f}")
    if format == "latex":
        cells.columns = [re.sub(r"([_%&#$])", r"\\\1", name) for name in cells]
        cells.index = [re.sub(r"([_%&#$])", r"\\\1", name) for name in cells.index]
        align = "l" + "r" * len(cells.columns)
        return "\n".join((cells.to_latex(column_format=align), *notes))
    lines = [
        f"| {' | '.join((title, *cells))} |",
        f"|---|{'--:|' * len(cells.columns)}",
    ]
    for problem, values in cells.iterrows():
        lines.append(f"| {problem} | {' | '.join(values)} |")
    return "\n".join((*lines, *(["", *notes] if notes else [])))


def main(arguments=None):
    """Print the table of one metric of a result file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmark_inverse_problems.tables",
        description="A table of one metric, problems by solvers, from a result file.",
    )
    parser.add_argument("file", help="a parquet or CSV file in outputs/")
    parser.add_argument("--metric", choices=METRICS, default="psnr")
    parser.add_argument("--format", choices=FORMATS, default="markdown")
    parser.add_argument(
        "--published",
        action="store_true",
        help="add published figures of the same protocol",
    )
    options = parser.parse_args(arguments)
    table, notes = pivot(read_results(options.file), options.metric), []
    if options.published:
        table, notes = with_published(table, options.metric)
    digits = METRICS[options.metric].digits
    print(formatted(table, options.format, digits, notes))


if __name__ == "__main__":
    main()
