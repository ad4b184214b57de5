"""The results of a run as a text for the terminal, one block a problem."""

import pandas as pd

from ..judge.metrics import METRICS
from ..support.text import plain_table
from .cells import MISSING
from .comparison import image_scores, problem_mean
from .leaderboard import best_of, warnings_of
from .names import labels
from .rows import OUTSIDE, last_rows, machine_text, outside_cells

METRICS_SHOWN = ("psnr", "ssim", "runtime", "peak_memory")
# A text of more lines shows only so many solvers of each problem.
LINES, SOLVERS = 40, 5
BEST = "*"


def summary(df, failures=()):
    """The solvers of each problem by PSNR, and the failed ones with their sentence.

    If that takes more than 40 lines, only the best five solvers of each problem are shown,
    and how many more there are. No failure is left out.

    Parameters
    ----------
    df : DataFrame
        Results; it may be empty.
    failures : list of dict
        As `solving.failures.read_failures` returns them.

    Returns
    -------
    str
    """
    failed = {}
    for failure in failures:
        failed.setdefault(failure["dataset"], []).append(failure)
    problems = df["dataset_name"].unique() if len(df) else ()
    problems = list(dict.fromkeys([*problems, *failed]))
    names = labels(df["solver_name"].unique()) if len(df) else {}
    blocks = []
    for problem in problems:
        rows = last_rows(df, problem) if len(df) else df
        head, solvers, tail = ([problem], [], []) if rows.empty else block(rows, names)
        blocks.append((head, solvers, tail + failed_lines(failed.get(problem, ()))))
    if sum(len(part) for parts in blocks for part in parts) + len(blocks) > LINES:
        blocks = [(head, shortened(solvers), tail) for head, solvers, tail in blocks]
    texts = ["\n".join(head + solvers + tail) for head, solvers, tail in blocks]
    if len(df):
        texts.append(legend(df))
    return "\n\n".join(texts)


def block(rows, names):
    """The lines of a problem: name and header, one line a solver, warnings.

    Parameters
    ----------
    rows : DataFrame
        The last rows of the problem.
    names : dict
        {solver: label}
    """
    means = problem_mean(image_scores(rows, "psnr"))
    solvers = means.sort_values(ascending=False, kind="stable").index
    solvers = list(dict.fromkeys([*solvers, *rows["solver_name"]]))
    outside = {solver for _, solver in outside_cells(rows)}
    titles = [f"{names[s]} {OUTSIDE}" if s in outside else names[s] for s in solvers]
    columns = [cells(rows, key, solvers) for key in METRICS_SHOWN]
    table = plain_table(list(zip(["", *titles], *columns, strict=True)))
    header, *lines = (f"  {line}" for line in table)
    count = rows["objective_image"].nunique()
    title = f"{rows['dataset_name'].iloc[0]} ({count} image{'' if count == 1 else 's'})"
    return [title, header], lines, [f"  {text}" for text in warnings_of(rows, names)]


def shortened(lines):
    """The first lines, and how many more there are."""
    left_out = len(lines) - SOLVERS
    return [*lines[:SOLVERS], f"  ... {left_out} more"] if left_out > 0 else lines


def cells(rows, key, solvers):
    """A metric's title, and its means with a mark at those that may be the best."""
    metric = METRICS[key]
    best, means = best_of(rows, key), problem_mean(image_scores(rows, key))
    # Numbers stay below each other where some are marked.
    unmarked = " " if best else ""
    texts = [metric.header + unmarked]
    for solver in solvers:
        mean = means.get(solver)
        text = MISSING if pd.isna(mean) else f"{mean:.{metric.digits}f}"
        texts.append(text + (BEST if solver in best else unmarked))
    return texts


def failed_lines(failures):
    """One line a reason, with the solvers that failed for it."""
    solvers = {}
    for failure in failures:
        solvers.setdefault(failure["error"], []).append(failure["solver"])
    return [f"  FAILED {', '.join(names)}: {why}" for why, names in solvers.items()]


def legend(df):
    """What the marks mean, and what the runtimes were measured on."""
    return (
        f"{BEST} best, or not distinguishable from it (95 %); means over the images; "
        f"runtimes with {machine_text(df)}."
    )
