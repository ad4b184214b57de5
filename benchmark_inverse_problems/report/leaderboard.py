"""The leaderboard's table of one problem."""

import pandas as pd

from ..judge.metrics import METRICS
from .axes import inside
from .cells import MISSING, difference_cells, joined, table_cells, table_text
from .comparison import (
    best_solver,
    deviation,
    differences,
    image_scores,
    not_distinguishable,
    problem_mean,
)
from .memory import remembered
from .names import heading, labels, problem_names
from .rows import (
    OUTSIDE,
    failed_cells,
    last_rows,
    machine_text,
    mixed_problems,
    outside_cells,
    shown,
    waiting_solvers,
)

DIFFERENCE = "PSNR to best"


@remembered
def leaderboard(df, dataset):
    """One row per solver, and below them one row per failed cell.

    Solvers are compared on the same images. The difference in PSNR to the best one is a
    mean of paired differences, with its 95 % interval.

    Parameters
    ----------
    df : DataFrame
        Results.
    dataset : str
        A problem. Only solvers with results on all of its images are marked.

    Returns
    -------
    dict
        {header: cells} for benchopt's tables.
    """
    rows = last_rows(df, dataset)
    failures = failed_cells(df, dataset)
    names = rows["solver_name"].unique().tolist()
    keys = [*names, *range(len(failures))]  # no solver's name is a number
    failed = [record["solver"] for record in failures]
    known = df["solver_name"].unique()
    # Other pages show only solvers with results. A failed variant must not change the
    # names of these solvers here.
    short = labels([*known, *failed]) | labels(known)
    outside = {solver for _, solver in outside_cells(rows)}
    marked = [f"{short[n]} {OUTSIDE}" if n in outside else short[n] for n in names]
    columns = {"Solver": texts([*marked, *map(short.get, failed)])}
    columns |= scores(rows, keys)
    for header, values in details(rows).items():
        columns[header] = texts(values.get(key, "") for key in keys)
    columns["Full name"] = texts([*names, *failed])
    if failures:
        _, first, *_ = columns  # PSNR, where the truth is known
        columns[first] = [cell.replace(MISSING, "failed") for cell in columns[first]]
        errors = [record["error"] for record in failures]
        columns["Error"] = texts([""] * len(names) + errors)
    return columns


def texts(values):
    return [table_text(value) for value in values]


def scores(rows, keys):
    """The metrics' columns, with the difference to the best after PSNR."""
    columns = {}
    for key, metric in shown(rows).items():
        values = image_scores(rows, key)
        means, spreads = problem_mean(values), deviation(values)
        columns[metric.header] = table_cells(
            means.reindex(keys), spreads.reindex(keys), metric, best_of(rows, key)
        )
        if key == "psnr":
            table = differences(values).reindex(keys)
            columns[DIFFERENCE] = difference_cells(table, metric.digits)
    return columns


def best_of(rows, key):
    """The solvers to mark in the column of a metric: not distinguishable from the best.

    Only those with a PSNR on all images compare. Costs get no marks, because doing nothing
    is cheapest.
    """
    psnr, values = image_scores(rows, "psnr"), image_scores(rows, key)
    complete = psnr.columns[psnr.count() == psnr.count().max()]
    compared = values[complete.intersection(values.columns)]
    marked = METRICS[key].higher_is_better and len(compared.columns) > 1
    return not_distinguishable(compared) if marked else set()


def details(rows):
    """Further columns of each solver, {header: Series}."""
    solvers, psnr = rows.groupby("solver_name"), image_scores(rows, "psnr")
    return {
        "Wins": psnr.idxmax(axis=1).value_counts().reindex(psnr.columns, fill_value=0),
        "Trials": solvers["objective_trials"].max(),
        "Tuned": solvers["objective_tuned"].agg(joined),
        "Images": psnr.count(),
    }


def metadata(df, dataset):
    """What benchopt needs to know of the table."""
    rows = last_rows(df, dataset)
    psnr = image_scores(rows, "psnr")
    names = labels(df["solver_name"].unique())
    if psnr.columns.empty:
        count, compared = rows["objective_image"].nunique(), "no metric knows the truth"
    else:
        count, best = psnr.count().max(), names[best_solver(psnr)]
        compared = (
            f"difference to {best} and its 95 % interval; "
            "bold: not distinguishable from the best"
        )
    lines = [
        *warnings_of(rows, names),
        f"mean ± deviation; {compared}",
        machine_text(rows),
    ]
    problems = df["dataset_name"].unique()
    return {
        "title": heading(dataset, problems, *lines, count=count),
        "columns": list(leaderboard(df, dataset)),
        "default_order_column": "PSNR",
        "default_order_ascending": False,
        "short": problem_names(problems)[dataset],
        "dots": dots(psnr, labels(df["solver_name"].unique(), origin=False)),
    }


def dots(scores, names):
    """The differences to the best, best first, that the dashboard draws above the table.

    Returns
    -------
    list of dict
        "label", "mean", "low" and "high" (dB, None without an interval), "tied"
        (not distinguishable from the best) and "near" (False far below the others).
    """
    if scores.columns.empty:
        return []
    table = differences(scores).sort_values("mean", ascending=False)
    near, tied = inside(table["mean"].to_dict()), not_distinguishable(scores)
    return [
        {
            "label": names[solver],
            "mean": row["mean"],
            "low": None if pd.isna(row["low"]) else row["low"],
            "high": None if pd.isna(row["high"]) else row["high"],
            "tied": solver in tied,
            "near": solver in near,
        }
        for solver, row in table.iterrows()
    ]


def mixed_text(rows):
    """A warning of problems with different measurements, or ""."""
    mixed = ", ".join(mixed_problems(rows))
    return mixed and f"NOT COMPARABLE, different measurements: {mixed}"


def warnings_of(rows, names):
    """What a reader of some rows must know before, one line each."""
    mixed = mixed_text(rows)
    if mixed:
        yield mixed
    waiting = waiting_solvers(rows)
    if waiting:
        slow = ", ".join(names[solver] for solver in waiting)
        yield f"the machine was loaded: runtimes of {slow} are too long"
    outside = {names[solver]: how for (_, solver), how in outside_cells(rows).items()}
    if outside:
        cells = "; ".join(f"{name} ({how})" for name, how in outside.items())
        yield f"{OUTSIDE} outside of its training: {cells}"
