"""What does each prior fill in where the measurement sees nothing?

Runs ``configs/priors.yml`` (cells in benchopt's cache are not computed again) and
prints the PSNR of each solver with a prior. A second table gives the PSNR in the range
of the operator, the part that was measured. A third one gives it in the null space, the
part that the prior has filled in. The last table compares FiRe's priors. This command writes a page of the same
figures: ``benchopt run . --config configs/priors.yml``.
"""

import pandas as pd

from ..judge.metrics import METRICS
from ..report.names import stems
from ..report.rows import ALL, last_rows
from ..report.tables import formatted
from ..suite import BENCHMARK, configured, results_of
from . import study_parser

# Bundled weights behind the tables.
WEIGHTS = ("drunet", "jpeg", "ram")
CONFIG = BENCHMARK / "configs" / "priors.yml"
PARTS = ("psnr", "psnr_range", "psnr_null")
FIRE = "fire_hqs, "
ALONE = ("denoiser", "jpeg", "gaussian", "motion", "sr2", "missing")
COMPARED = (
    "tuned",
    "denoiser-jpeg-sr2-gaussian-motion",
    "measurements",
    "denoiser-motion-measurements",
)


def scores(df):
    """Means over the images, {metric: table}, by prior (row) and problem (column)."""
    df = last_rows(df, ALL)
    df = df.assign(prior=row_names(df), problem=stems(df["dataset_name"]))
    return {
        metric: df.pivot_table(f"objective_{metric}", "prior", "problem", sort=False)
        for metric in PARTS
    }


def row_names(df):
    """Each row's solver, with its prior or variant."""
    kind = df["p_solver_prior"].fillna(df["p_solver_variant"])
    return stems(df["solver_name"]) + (", " + kind).fillna("")


def gains(table):
    """Gain of FiRe's joint and conditioned priors over its best single one and `dpir`.

    The gains are in dB.
    """
    best = table.loc[[FIRE + name for name in ALONE]].max()
    rows = {}
    for name in COMPARED:
        rows[f"{name}, above the best alone"] = table.loc[FIRE + name] - best
        rows[f"{name}, above dpir"] = table.loc[FIRE + name] - table.loc["dpir"]
    return pd.DataFrame(rows).T


def main(arguments):
    """Print the tables."""
    parser = study_parser("priors", __doc__)
    parser.add_argument(
        "--images", default="bundled", help="image set, instead of the bundled pictures"
    )
    options = parser.parse_args(arguments)
    problems, solvers = configured(CONFIG)
    problems = [
        problem.replace("images=bundled", f"images={options.images}")
        for problem in problems
    ]
    tables = scores(results_of(problems, solvers))
    for metric, table in tables.items():
        print("\n" + formatted(table, "markdown", 2, label=METRICS[metric].header))
    print("\n" + formatted(gains(tables["psnr"]), "markdown", 2, label="dB"))
