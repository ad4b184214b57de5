"""The table of all problems together.

A mean PSNR over problems says little: a solver that skips the hard ones has a high one. Here
each solver is compared with the best one of each problem, and solvers without results on some
problems stand below the complete ones.
"""

import pandas as pd

from .cells import difference_cells, joined, table_text
from .comparison import image_scores, mean_interval, wins
from .leaderboard import DIFFERENCE, warnings_of
from .names import harmless, labels
from .rows import ALL, failed_cells, last_rows, machine_text

HEADERS = (
    "Solver",
    DIFFERENCE,
    "Mean rank",
    "Problems",
    "Missing",
    "Wins",
    "Trials",
    "Full name",
)


def to_best(scores):
    """How far each solver is from the best one of each problem.

    Parameters
    ----------
    scores : DataFrame
        As `image_scores` returns it.

    Returns
    -------
    DataFrame
        Columns mean, low, high (dB, the mean over the problems that the solver has, and its
        95 % interval), rank (its mean) and problems (their number), by solver. Solvers with
        all problems come first, then by mean.
    """
    means = scores.groupby(level="dataset_name", sort=False).mean()
    ranks = means.rank(axis=1, ascending=False, method="min").mean()
    found = {}
    for solver in scores:
        groups = []
        for problem, best in means.idxmax(axis=1).items():
            images = scores.loc[[problem]]
            paired = (images[solver] - images[best]).dropna().to_numpy()
            if len(paired):
                groups.append(paired)
        mean = sum(group.mean() for group in groups) / len(groups)
        found[solver] = (mean, *mean_interval(groups), ranks[solver], len(groups))
    columns = ["mean", "low", "high", "rank", "problems"]
    table = pd.DataFrame.from_dict(found, orient="index", columns=columns)
    return table.sort_values(["problems", "mean"], ascending=False)


def overall(df):
    """One row per solver, the complete ones first, and below them one per failed solver.

    Returns
    -------
    dict
        {header: cells} for benchopt's tables.
    """
    rows = last_rows(df, ALL)
    scores = image_scores(rows, "psnr")
    problems = scores.index.get_level_values("dataset_name").unique()
    table = to_best(scores)
    failures = failed_cells(df, ALL)
    failed = sorted({record["solver"] for record in failures} - set(table.index))
    names = labels([*table.index, *failed]) | labels(table.index)
    complete = table["problems"] == len(problems)
    solvers = rows.groupby("solver_name")
    has = scores.groupby(level="dataset_name", sort=False).count() > 0
    short = labels(problems, origin=False)
    missing = {
        solver: ", ".join(short[problem] for problem in has.index[~has[solver]])
        for solver in table.index
    }
    columns = {header: [] for header in HEADERS}
    differences, won = in_order(difference_cells(table, 2)), wins(scores)
    for place, solver in enumerate(table.index):
        row = (
            names[solver],
            differences[place],
            # The space makes the order of the texts that of the numbers.
            f"{table.loc[solver, 'rank']:4.1f} / {len(table)}",
            f"{table.loc[solver, 'problems']} of {len(problems)}",
            "" if complete[solver] else missing[solver],
            str(won[solver]),
            str(joined(solvers.get_group(solver)["objective_trials"].unique())),
            solver,
        )
        for header, cell in zip(HEADERS, row, strict=True):
            columns[header].append(cell if header == DIFFERENCE else table_text(cell))
    for solver in failed:
        for header in HEADERS:
            columns[header].append("")
        columns["Solver"][-1] = table_text(names[solver])
        columns[DIFFERENCE][-1] = " " * len(table) + "failed"
        columns["Problems"][-1] = f"0 of {len(problems)}"
        columns["Full name"][-1] = table_text(solver)
    return columns


def in_order(cells):
    """Cells that sort as texts, from the last to the first, in the order that they have."""
    return [" " * place + cell.strip(" ") for place, cell in enumerate(cells)]


def metadata(df):
    """What benchopt needs to know of the table."""
    rows = last_rows(df, ALL)
    names = labels(df["solver_name"].unique())
    problems = rows["dataset_name"].nunique()
    lines = [
        f"{problems} problems",
        *warnings_of(rows, names),
        "mean over the problems of the difference to the best of each, its 95 % interval; "
        "solvers without results on some problems stand below",
        machine_text(rows),
    ]
    return {
        "title": "\n".join(map(harmless, lines)),
        "columns": list(HEADERS),
        "default_order_column": DIFFERENCE,
        "default_order_ascending": False,
    }
