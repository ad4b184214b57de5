"""Compare the scores of two result files, cell by cell.

It is for changes of the code that must not change a score. Run a config before and
after the change, and give both files. The exit status is 1 if a cell is missing or
differs by more than the tolerance.
"""

from ..judge.metrics import METRICS
from ..report.comparison import gaps, image_means, image_scores
from ..report.rows import ALL, last_rows
from ..report.submitted import read_rows
from . import parser

TOLERANCE = 1e-3


def cells(file, metric):
    """Mean of a metric over the images of each cell, a Series by (problem, solver)."""
    scores = image_scores(last_rows(read_rows(file), ALL), metric)
    return image_means(scores).stack().dropna()


def main(arguments):
    """Print the largest difference and where it is.

    Returns
    -------
    int
        The exit status.
    """
    options = parser("difference", "Compare the scores of two result files.")
    options.add_argument("before", help="a result file")
    options.add_argument("after", help="the result file to compare with it")
    options.add_argument("--metric", choices=METRICS, default="psnr")
    options.add_argument("--tolerance", type=float, default=TOLERANCE)
    chosen = options.parse_args(arguments)
    before, after = (
        cells(file, chosen.metric) for file in (chosen.before, chosen.after)
    )
    common = before.index.intersection(after.index)
    lost = before.index.symmetric_difference(after.index)
    for problem, solver in lost:
        print(f"Only one file has {solver} on {problem}.")
    if common.empty:
        print("The files have no cell in common.")
        return 1
    size = gaps(after[common], before[common]).abs()
    problem, solver = size.idxmax()
    unit = METRICS[chosen.metric].unit
    print(
        f"{len(common)} cells: the largest difference of {chosen.metric} is "
        f"{size.max():.2g} {unit}".rstrip()
        + f" ({solver} on {problem})."
    )
    return int(len(lost) > 0 or size.max() > chosen.tolerance)
