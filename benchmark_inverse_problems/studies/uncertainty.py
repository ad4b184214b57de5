"""Does a method know how wrong it is?

Runs ``configs/uncertainty.yml`` (cells in benchopt's cache are not computed again) and
prints, for each problem and method, means over the images.

- Coverage: share of the pixels in the intervals that should hold 50, 80, 90 and 95 %.
- Error coverage: share of the images whose squared error is not above nine in ten of those
  that the method thinks possible.
- Bias: PSNR that the method predicts, less the true one.
- Rank in images, over images: rank correlation of spread and error.

``transform=none`` is the naive bootstrap. ``calibration=tuned`` has one factor on the spread,
from the tuning set. This command writes a page of the same figures:
``benchopt run . --config configs/uncertainty.yml``.
"""

import pandas as pd
from scipy.stats import spearmanr

from ..judge.metrics import SHARES
from ..report.names import labels, stems
from ..report.rows import ALL, last_rows
from ..report.tables import formatted
from ..suite import BENCHMARK, configured, results_of
from . import study_parser

# Bundled weights behind the tables.
WEIGHTS = ("ram", "drunet")
CONFIG = BENCHMARK / "configs" / "uncertainty.yml"
# Share of the possible squared errors below the end of the interval of the squared error.
LEVEL = 0.9


def scores(cell):
    """The columns of the table, of the rows of one problem and method."""
    predicted = cell["objective_psnr"] + cell["objective_psnr_bias"]
    # One image, or images that all look alike to the method, have no ranks.
    ranked = len(cell) > 1 and predicted.nunique() > 1
    rank = spearmanr(predicted, cell["objective_psnr"]).statistic if ranked else None
    level = cell["objective_error_level"]
    return pd.Series(
        {
            "images": len(cell),
            "PSNR": cell["objective_psnr"].mean(),
            **{f"{s} %": cell[f"objective_coverage_{s}"].mean() for s in SHARES},
            f"error coverage {LEVEL:.0%}": (level <= LEVEL).mean()
            if level.notna().all()
            else None,
            "bias [dB]": cell["objective_psnr_bias"].mean(),
            "rank in images": cell["objective_spread_rank"].mean(),
            "rank over images": rank,
            "sharpness": cell["objective_sharpness"].mean(),
        },
        dtype=float,
    )


def tables(df):
    """{problem: table of its methods}."""
    df = last_rows(df, ALL)
    names = labels(df["solver_name"].unique(), origin=False)
    found = {}
    for problem, rows in df.groupby(stems(df["dataset_name"]), sort=False):
        cells = rows.groupby("solver_name", sort=False)
        found[problem] = pd.DataFrame({names[k]: scores(cell) for k, cell in cells}).T
    return found


def main(arguments):
    """Print a table for each problem."""
    study_parser("uncertainty", __doc__).parse_args(arguments)
    for problem, table in tables(results_of(*configured(CONFIG))).items():
        text = table.astype({"images": int})
        print("\n" + formatted(text, "markdown", 2, label=problem))
