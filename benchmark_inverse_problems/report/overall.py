"""The table of all problems together.

A mean PSNR over problems says little: a solver that skips the hard ones has a high one. Here
each solver is compared with the best one of each problem, and solvers without results on some
problems stand below the complete ones.
"""

import pandas as pd

from .cells import MINUS, NBSP, difference_cells, joined, table_text
from .comparison import (
    gaps,
    image_means,
    image_scores,
    mean_interval,
    not_distinguishable,
    wins,
)
from .leaderboard import DIFFERENCE, mixed_text
from .memory import remembered
from .names import harmless, labels, listed, problem_names, usual
from .rows import ALL, failed_cells, last_rows, machine_text, outside_cells

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


# What the heat map writes into cells without a number, and beside those of a network that
# is used outside of what it learned.
FAILED, SKIPPED, DOT = "×", "", "•"


def paired_to_best(scores):
    """The difference of each image's score to that of the best solver of its problem."""
    means = image_means(scores)
    best = [scores.loc[[name], who] for name, who in means.idxmax(axis=1).items()]
    if not best:  # no problem has a truth
        return scores
    return gaps(scores, pd.concat(best))


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
    ranks = image_means(scores).rank(axis=1, ascending=False, method="min").mean()
    paired = paired_to_best(scores)
    found = {}
    for solver in scores:
        cells = paired[solver].dropna().groupby(level="dataset_name", sort=False)
        groups = [cell.to_numpy() for _, cell in cells]
        mean = sum(group.mean() for group in groups) / len(groups)
        found[solver] = (mean, *mean_interval(groups), ranks[solver], len(groups))
    columns = ["mean", "low", "high", "rank", "problems"]
    table = pd.DataFrame.from_dict(found, orient="index", columns=columns)
    return table.sort_values(["problems", "mean"], ascending=False)


@remembered
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
    short = problem_names(problems)
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


@remembered
def heat_map(df):
    """Problems by solvers: how far each solver is from the best of each problem.

    Returns
    -------
    dict
        {short name of a problem: cells} in the order of the rows of `overall`. A cell holds
        the mean difference in dB, `SKIPPED` or `FAILED`. It is bold where the solver is not
        distinguishable from the best, and has a `DOT` outside of what its network learned.
    """
    rows = last_rows(df, ALL)
    scores = image_scores(rows, "psnr")
    gaps = paired_to_best(scores).groupby(level="dataset_name", sort=False).mean()
    failed = {(cell["dataset"], cell["solver"]) for cell in failed_cells(df, ALL)}
    outside = outside_cells(rows)
    solvers = to_best(scores).index.tolist()
    solvers += sorted({solver for _, solver in failed} - set(solvers))
    columns = {}
    for problem, short in problem_names(gaps.index).items():
        line = gaps.loc[problem].reindex(solvers)
        ties = not_distinguishable(scores.loc[[problem]].dropna(axis=1, how="all"))
        cells = []
        for solver, gap in line.items():
            key = (problem, solver)
            if pd.isna(gap):
                text = FAILED if key in failed else SKIPPED
                cells.append(" " * line.count() + text)
                continue
            text = difference_text(gap, solver in ties, key in outside)
            # The tables sort texts: see `table_cells`.
            cells.append(" " * int((line > gap).sum()) + text)
        columns[short] = cells
    return columns


def difference_text(gap, tied, outside):
    """A cell of the heat map that has a number."""
    text = f"{gap:.2f}".replace("-", MINUS) if gap else "0"
    return (f"**{text}**" if tied else text) + (f"{NBSP}{DOT}" if outside else "")


def in_order(cells):
    """Cells that sort as texts, from the last to the first, in the order that they have."""
    return [" " * place + cell.strip(" ") for place, cell in enumerate(cells)]


def metadata(df):
    """What benchopt needs to know of the table."""
    rows = last_rows(df, ALL)
    problems = rows["dataset_name"].unique()
    common = listed(usual(problems))
    lines = [
        f"{len(problems)} problem{'' if len(problems) == 1 else 's'}",
        common and f"{common}, unless a name says otherwise",
        mixed_text(rows),
        f"PSNR to the best of each problem [dB]; empty: skipped; {FAILED} failed; {DOT} outside "
        "of its training; bold: not distinguishable from the best",
        f"{DIFFERENCE}: the mean over the problems and its 95 % interval; solvers without "
        "results on some problems stand below",
        machine_text(rows),
    ]
    return {
        "title": "\n".join(map(harmless, filter(None, lines))),
        "columns": list(HEADERS),
        "default_order_column": DIFFERENCE,
        "default_order_ascending": False,
    }
