"""``python -m benchmark_inverse_problems.tables FILE [METRIC]``: a table for the README.

Solvers are rows, problems are columns; each number is the mean over the images.
"""

import sys

import pandas as pd
from benchopt.results import read_results

from .metrics import METRICS
from .results import last_rows


def pivot(df, metric):
    """Mean of a metric, solvers by problems (a DataFrame), NaN where a solver skips."""
    rows = pd.concat(last_rows(df, dataset) for dataset in df["dataset_name"].unique())
    return rows.pivot_table(
        index="solver_name",
        columns="dataset_name",
        values=f"objective_{metric}",
        aggfunc="mean",
        sort=False,
    )


def markdown(table, digits):
    """A Markdown table with one line a solver; problems are named under their file stem."""
    short = [
        name.replace("[", "<br>").replace(",", "<br>").rstrip("]") for name in table
    ]
    lines = ["| solver | " + " | ".join(short) + " |", "|---" * (len(short) + 1) + "|"]
    for solver, values in table.iterrows():
        cells = ["" if pd.isna(v) else f"{v:.{digits}f}" for v in values]
        lines.append(f"| {solver} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(file, metric="psnr"):
    """Print the table of one metric of a result file."""
    print(markdown(pivot(read_results(file), metric), METRICS[metric].digits))


if __name__ == "__main__":
    main(*sys.argv[1:])
