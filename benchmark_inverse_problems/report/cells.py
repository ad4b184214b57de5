"""Numbers as the cells of benchopt's tables."""

import numpy as np
import pandas as pd

from .names import harmless

MISSING = "n/a"
MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
PLUS_MINUS = f"{NBSP}±{NBSP}"


def table_text(text):
    """A harmless text, with stars and underscores escaped for benchopt's tables."""
    return harmless(text).replace("*", r"\*").replace("_", r"\_")


def plain_text(cell):
    """A cell of benchopt's tables as the text that it shows."""
    return cell.strip(" ").replace(r"\*", "*").replace(r"\_", "_")


def table_cells(means, spreads, column, best=()):
    """Mean ± spread as cells of benchopt's tables; those of `best` are in bold.

    The tables sort their cells as texts. Each cell therefore starts with one space for
    every larger value. HTML does not show these spaces. They make the order of the
    texts that of the numbers, with missing values at the worse end.
    """
    means = means.round(column.digits)
    values = np.sort(means.dropna().unique())[::-1]
    cost = column.higher_is_better is False
    cells = []
    for solver, mean, spread in zip(means.index, means, spreads, strict=True):
        if np.isnan(mean):
            cells.append(" " * (0 if cost else len(values)) + MISSING)
            continue
        text = f"{mean:,.{column.digits}f}"
        if spread > 0:
            text += f"{PLUS_MINUS}{spread:,.{column.digits}f}"
        elif column.unit:  # a bare number would be shown with benchopt's decimals
            text += f" {column.unit}"
        rank = int((values > mean).sum())
        mark = "**" if solver in best else ""
        cells.append(" " * rank + mark + text + mark)
    return cells


def difference_cells(table, digits):
    """Cells with the differences to the best and their intervals, as in `table_cells`.

    Parameters
    ----------
    table : DataFrame
        Columns mean, low and high. A row is NaN if there is nothing to compare.
    digits : int
    """
    values = table["mean"].dropna().round(digits).unique()

    def text(value):
        return f"{value:+.{digits}f}".replace("-", MINUS)

    cells = []
    for mean, low, high in table[["mean", "low", "high"]].itertuples(index=False):
        if np.isnan(mean):
            cells.append(" " * len(values) + MISSING)
            continue
        cell = text(mean) if mean else "best"
        if mean and not np.isnan(low):
            cell += f"{NBSP}[{text(low)},{NBSP}{text(high)}]"
        cells.append(" " * int((values > round(mean, digits)).sum()) + cell)
    return cells


def joined(values):
    """The different texts among some values."""
    return ", ".join(dict.fromkeys(str(v) for v in values if v and not pd.isna(v)))
