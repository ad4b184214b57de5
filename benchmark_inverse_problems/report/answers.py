"""The short answer of a result file: which solver for which problem."""

import pandas as pd

from .comparison import best_solver, image_scores
from .names import labels
from .rows import ALL, OUTSIDE, last_rows, outside_cells

# A solver is nearly as good as the best one of a problem if it is so many dB below it.
NEAR = 0.2
HEADERS = (
    "problem",
    "best",
    f"cheapest within {NEAR} dB",
    "best without a network",
)


def answers(df):
    """For each problem: the best solver, a cheap one and the baseline.

    Parameters
    ----------
    df : DataFrame
        Results.

    Returns
    -------
    DataFrame
        One row a problem, with `HEADERS` as columns. A cell holds a solver's short name,
        its mean PSNR and the seconds that one image takes. The cheapest solver is the one
        with the least runtime among those that are at most `NEAR` dB below the best one. A
        solver without parameters has no network.
    """
    rows = last_rows(df, ALL)
    names = labels(rows["solver_name"].unique(), origin=False)
    problems = rows["dataset_name"].unique()
    short = labels(problems, origin=False)
    outside, found = outside_cells(rows), []
    for problem in problems:
        mine = rows[rows["dataset_name"] == problem]
        best = best_solver(image_scores(mine, "psnr"))
        if best is None:
            continue
        means = mine.groupby("solver_name", sort=False)[
            ["objective_psnr", "objective_runtime", "objective_parameters"]
        ].mean()
        near = means[means["objective_psnr"] >= means["objective_psnr"][best] - NEAR]
        plain = means[means["objective_parameters"] == 0]["objective_psnr"].dropna()
        chosen = (
            best,
            near["objective_runtime"].idxmin(),
            plain.idxmax() if len(plain) else None,
        )

        def cell(solver, means=means, problem=problem):
            if solver is None:
                return ""
            mark = OUTSIDE if (problem, solver) in outside else ""
            quality, seconds = means.loc[solver].iloc[:2]
            return f"{names[solver]}{mark} {quality:.2f}, {seconds:.2g} s"

        found.append([short[problem], *map(cell, chosen)])
    return pd.DataFrame(found, columns=list(HEADERS))
