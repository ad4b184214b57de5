"""What do RAM's parts bring, and what does one network learn from many tasks?

Runs ``configs/ram_ablation.yml`` (cells in benchopt's cache are not computed again) and
prints three tables, with the published figures beside ours. The first shows the gain of
each part of the network. The second shows what a network learns from one task or from
all of them. The third shows what its size brings.
"""

import pandas as pd

from ..networks.ram import SINGLE, SIZED, VARIANTS
from ..report.published import COSTS_SOURCE, RAM_ABLATION, RAM_TRANSFER
from ..report.tables import formatted
from ..suite import BENCHMARK, configured, results_of
from . import study_parser

# Bundled weights behind the tables.
WEIGHTS = tuple(f"ram_{name}" for name in (*VARIANTS, *SINGLE, *SIZED))
CONFIG = BENCHMARK / "configs" / "ram_ablation.yml"
# Problems of the config, in its order.
PROBLEMS = ("inpainting", "Gaussian blur", "motion blur", "SR x2", "SR x4")
TRANSFERRED = {"inpainting": 0, "Gaussian blur": 1, "SR x2": 2}
NAMES = {
    "base": "base",
    "prox": "+ proximal step",
    "prox_y": "+ embedding of y",
    "krylov": "+ Krylov (full)",
    "inpainting": "inpainting only",
    "deblurring": "deblurring only",
    "sr": "super-resolution only",
}


def scores(df):
    """PSNR by variant and problem, means over the images."""
    df = df.assign(
        problem=df["dataset_name"].map(
            dict(zip(df["dataset_name"].unique(), PROBLEMS, strict=True))
        ),
    )
    table = df.pivot_table("objective_psnr", "p_solver_variant", "problem", sort=False)
    return table[list(PROBLEMS)]


def parts(table):
    """One row per part of the network, with the mean over the tasks."""
    rows = table.loc[list(RAM_ABLATION)].copy()
    rows["mean"] = rows.mean(axis=1)
    rows["gain over base"] = rows["mean"] - rows.loc["base", "mean"]
    published = pd.Series(RAM_ABLATION)
    rows["mean (published)"] = published
    rows["gain (published)"] = published - published["base"]
    return rows.rename(index=NAMES)


def transfer(table):
    """One row per set of training tasks."""
    rows = table.loc[list(RAM_TRANSFER)].copy()
    published = pd.DataFrame(RAM_TRANSFER).T
    for name, column in TRANSFERRED.items():
        name = {"Gaussian blur": "deblurring"}.get(name, name)
        rows[f"{name} (published)"] = published[column]
    return rows.rename(index=NAMES | {"krylov": "all of them"})


def sizes(df, table):
    """One row per size of the full network, the smallest first."""
    rows = table.loc[[*SIZED, "krylov"]].copy()
    rows["mean"] = rows.mean(axis=1)
    counts = df.groupby("p_solver_variant")["objective_parameters"].first()
    rows.insert(0, "parameters [M]", counts[rows.index] / 1e6)
    return rows.sort_values("parameters [M]").rename(index={"krylov": "as above"})


def main(arguments):
    """Print the tables."""
    study_parser("ablation", __doc__).parse_args(arguments)
    df = results_of(*configured(CONFIG))
    table = scores(df)
    tables = {
        "part": parts(table),
        "trained on": transfer(table),
        "size": sizes(df, table),
    }
    for title, rows in tables.items():
        print("\n" + formatted(rows, "markdown", 2, label=title))
    print(f"\n(published): {COSTS_SOURCE}; other images and levels, larger networks.")
