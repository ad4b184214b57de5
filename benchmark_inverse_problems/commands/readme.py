"""Write the tables and the picture of the README."""

import inspect
import re
import tempfile
from pathlib import Path

from benchopt.benchmark import Benchmark
from benchopt.results import read_results

from ..judge.metrics import METRICS
from ..report.dashboard import dashboard, photograph
from ..report.tables import formatted, outside_marks, pivot
from ..suite import BENCHMARK
from ..support.text import markdown_table
from . import parser


def with_tables(text, benchmark):
    """The README with its tables, one row per plugin.

    The tables are between the comments ``<!-- problems -->`` or ``<!-- solvers -->``
    and ``<!-- end -->``. A row is the plugin's name and the first line of its
    docstring.

    Parameters
    ----------
    text : str
        The README.
    benchmark : benchopt.benchmark.Benchmark

    Raises
    ------
    ValueError
        If the README does not have one table of each kind.
    """
    tables = {"problem": benchmark.get_datasets(), "solver": benchmark.get_solvers()}
    for kind, plugins in tables.items():
        rows = [(f"`{cls.name}`", first_line(cls)) for cls in plugins]
        text = between(text, f"{kind}s", markdown_table([kind, "what"], rows))
    return text


def with_results(text, df):
    """The README with the table of first results: the mean PSNR of a run, in dB."""
    marks, notes = outside_marks(df, "psnr")
    digits = METRICS["psnr"].digits
    table = formatted(pivot(df, "psnr"), "markdown", digits, notes, marks=marks)
    return between(text, "results", table)


def between(text, mark, table):
    """A text with a table between ``<!-- mark -->`` and ``<!-- end -->``."""
    text, count = re.subn(
        rf"(<!-- {mark} -->\n).*?(\n<!-- end -->)",
        lambda match: match[1] + table + match[2],
        text,
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(
            f"The README has {count} tables between <!-- {mark} --> and "
            "<!-- end -->: there should be one."
        )
    return text


def first_line(cls):
    return inspect.getdoc(cls).split("\n")[0]


def write(folder=BENCHMARK, results=None):
    """Bring the README of a benchmark up to date, with the first results of a file."""
    path = Path(folder) / "README.md"
    text = with_tables(path.read_text(), Benchmark(folder))
    if results is not None:
        text = with_results(text, read_results(Path(results)))
        with tempfile.TemporaryDirectory() as place:
            page = dashboard(results, Path(place) / "page.html")
            photograph(page, Path(folder) / "docs" / "dashboard.png")
    path.write_text(text)


def main(arguments):
    """Bring the README of the suite up to date."""
    options = parser("readme", "Write the tables of plugins into the README.")
    options.add_argument(
        "file",
        nargs="?",
        help="a result file: write its table of first results and its picture too",
    )
    write(results=options.parse_args(arguments).file)
