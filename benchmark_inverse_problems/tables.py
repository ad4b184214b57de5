"""``python -m benchmark_inverse_problems.tables FILE [METRIC]``: a table for the README.

Problems are rows, solvers are columns; each number is the mean over the images.
"""

import re
import sys

import pandas as pd
from benchopt.results import read_results

from .metrics import METRICS
from .results import last_rows


def pivot(df, metric):
    """Mean of a metric, problems by solvers (a DataFrame), NaN where a solver skips."""
    rows = pd.concat(last_rows(df, dataset) for dataset in df["dataset_name"].unique())
    return rows.pivot_table(
        index="dataset_name",
        columns="solver_name",
        values=f"objective_{metric}",
        aggfunc="mean",
        sort=False,
    )


def short(name):
    """A name without the parameters that are tuned: every table says so once."""
    return re.sub(r"\w+=tuned,?", "", name).replace(",]", "]").replace("[]", "")


def markdown(table, digits):
    """A Markdown table with one line a problem."""
    header = ["problem", *(short(name) for name in table)]
    lines = [f"| {' | '.join(header)} |", f"|---|{'--:|' * len(table.columns)}"]
    for problem, values in table.iterrows():
        cells = ["" if pd.isna(v) else f"{v:.{digits}f}" for v in values]
        lines.append(f"| {problem} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(file, metric="psnr"):
    """Print the table of one metric of a result file."""
    print(markdown(pivot(read_results(file), metric), METRICS[metric].digits))


if __name__ == "__main__":
    main(*sys.argv[1:])
