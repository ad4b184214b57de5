"""Figures of the documentation, each drawn from a table of its page.

A page names a figure by a picture, ``![what it shows](figures/NAME.svg)``, above the table
that holds its numbers. ``docs/figures.yml`` says how NAME is drawn.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import pandas as pd
import yaml
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ..support.checks import check_known
from .names import labels
from .styles import PALETTE

PICTURE = re.compile(r"!\[[^\]]*\]\(figures/(\w+)\.svg\)")
DRAWN = ("dots", "lines")
# The same table gives the same file. Texts stay texts, in the reader's font.
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "figures",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
WIDTH = 7.4  # inches
MARKERS = "osD^vPX*"


@dataclass
class Drawing:
    """How a table becomes a figure: the entries of ``docs/figures.yml``.

    Parameters
    ----------
    panels : dict
        {label of the axis of numbers: list of columns, or "all"}, side by side.
    draw : {"dots", "lines"}
        Dots have one line for each row of the table, and a colour for each column. Lines
        run along the numbers in the rows' names, one for each column.
    labels : int
        So many columns, the first ones, name a row.
    transpose : bool
        Whether rows and columns change places first.
    along : str
        The label of the axis along which lines run.
    log : bool
        Whether the axes of numbers are logarithmic.
    skip : list of str
        Rows that are not drawn.
    """

    panels: dict
    draw: str = "dots"
    labels: int = 1
    transpose: bool = False
    along: str = ""
    log: bool = False
    skip: list = field(default_factory=list)

    def __post_init__(self):
        check_known("draw", self.draw, DRAWN)


def read_table(text):
    """The first table of a Markdown text.

    Returns
    -------
    DataFrame
        Its cells as texts, without marks of code; columns of one name are told apart.

    Raises
    ------
    ValueError
        If there is no table.
    """
    found = re.search(r"^\|.*\|\n\|[-:| ]+\|\n(?:\|.*\|(?:\n|\Z))*", text, re.MULTILINE)
    if not found:
        raise ValueError("There is no table: put the figure above one.")
    header, _, *rows = (
        [cell.strip().replace("`", "").replace(r"\|", "|") for cell in cells]
        for cells in (
            re.split(r"(?<!\\)\|", line)[1:-1] for line in found[0].splitlines()
        )
    )
    names = [
        name
        if header.index(name) == place
        else f"{name} ({header[:place].count(name)})"
        for place, name in enumerate(header)
    ]
    return pd.DataFrame(rows, columns=names)


def numbers(table, drawing):
    """The numbers of a table as a figure draws them: rows and columns by their names.

    Empty cells are NaN.
    """
    first = table.columns[: drawing.labels]
    frame = table.drop(columns=first)
    frame.index = table[first].agg(", ".join, axis=1)
    frame = frame.drop(index=drawing.skip)
    frame = frame.T if drawing.transpose else frame
    return frame.replace("", "nan")


def along_numbers(names):
    """The number in each name: 10 for "m = 10"; NaN without one."""
    found = (re.search(r"-?\d+(?:\.\d+)?", name) for name in names)
    return [float(match[0]) if match else float("nan") for match in found]


def draw(table, drawing, target):
    """Write a figure.

    Parameters
    ----------
    table : DataFrame
        As of `read_table`.
    drawing : Drawing
    target : path
        The SVG file.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    KeyError
        If the table has no such row or column.
    ValueError
        If a cell of the figure is no number.
    """
    frame = numbers(table, drawing)
    short = labels({*frame.index, *frame.columns}, origin=False)
    rows = len(frame) if drawing.draw == "dots" else 9
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 1.3 + 0.22 * rows), layout="constrained")
        axes = figure.subplots(1, len(drawing.panels), squeeze=False)[0]
        for place, (label, columns) in enumerate(drawing.panels.items()):
            part = frame if columns == "all" else frame[columns]
            part = part.astype(float).rename(index=short, columns=short)
            if drawing.draw == "dots":
                draw_dots(axes[place], part, label, drawing.log, named=place == 0)
            else:
                draw_lines(axes[place], part, label, drawing)
        legend(figure, axes)
        FigureCanvasSVG(figure).print_svg(target, metadata={"Date": None})
    return figure


def style(place):
    return {
        "color": PALETTE[place % len(PALETTE)],
        "marker": MARKERS[place % len(MARKERS)],
    }


def draw_dots(axis, frame, label, log, named):
    """One line of the figure for each row, with a dot for each column."""
    places = range(len(frame))
    for number, (name, column) in enumerate(frame.items()):
        axis.plot(column, places, linestyle="", label=name, **style(number))
    axis.set_yticks(places, frame.index if named else [""] * len(frame))
    axis.set_ylim(len(frame) - 0.5, -0.5)
    axis.grid(axis="y", color="#dddddd")
    axis.set_axisbelow(True)
    axis.set_xlabel(label)
    if log:
        axis.set_xscale("log")


def draw_lines(axis, frame, label, drawing):
    """One line for each column, along the numbers in the names of the rows."""
    frame = frame.set_axis(along_numbers(frame.index))
    frame = frame[frame.index.notna()]
    for number, (name, column) in enumerate(frame.items()):
        axis.plot(column.dropna(), label=name, markersize=4, **style(number))
    axis.set_xlabel(drawing.along)
    axis.set_ylabel(label)
    axis.grid(color="#dddddd")
    if drawing.log:
        axis.set_yscale("log")


def legend(figure, axes):
    """The names of the columns: above the figure, or above each of several panels."""
    for axis in axes:
        handles, names = axis.get_legend_handles_labels()
        if len(names) > 1 and len(axes) == 1:
            figure.legend(
                handles, names, loc="outside upper center", ncols=3, frameon=False
            )
        elif len(names) > 1:
            axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)


def write_figures(docs):
    """Write the figures of all pages into ``figures/``.

    Parameters
    ----------
    docs : path
        The folder of the pages and of ``figures.yml``.

    Returns
    -------
    list of str
        Their names.

    Raises
    ------
    ValueError
        If a figure is on no page or on two, has no entry, or does not fit its table.
    """
    docs = Path(docs)
    entries = yaml.safe_load((docs / "figures.yml").read_text(encoding="utf-8"))
    (docs / "figures").mkdir(exist_ok=True)
    found = {}
    for page in sorted(docs.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for match in PICTURE.finditer(text):
            name = match[1]
            if name in found:
                raise ValueError(
                    f"The figure {name} is in {found[name]} and {page.name}."
                )
            if name not in entries:
                raise ValueError(
                    f"The figure {name} of {page.name} has no entry in figures.yml."
                )
            found[name] = page.name
            try:
                table = read_table(text[match.end() :])
                target = docs / "figures" / f"{name}.svg"
                draw(table, Drawing(**entries[name]), target)
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"The figure {name} of {page.name} does not fit its table or its entry "
                    f"in figures.yml: {error}"
                ) from error
    unused = sorted(set(entries) - set(found))
    if unused:
        raise ValueError(f"The figure {unused[0]} of figures.yml is on no page.")
    return list(found)
