"""Write the tables and the picture of the docs that come from plugins and results."""

import inspect
import re
import tempfile
from pathlib import Path

from benchopt.benchmark import Benchmark

from ..judge.metrics import METRICS
from ..report.answers import answers
from ..report.dashboard import dashboard, photograph
from ..report.rows import machine_text
from ..report.submitted import read_rows
from ..report.tables import formatted, outside_marks, pivot
from ..suite import BENCHMARK, in_checkout
from ..support.text import markdown_table
from . import parser

README, PLUGINS, RESULTS = "README.md", "docs/plugins.md", "docs/results.md"
PICTURE = "docs/dashboard.png"
# Metrics with a table in `RESULTS`.
SHOWN = ("psnr", "runtime")


def filled(text, parts):
    """A text with parts between its marks.

    Parameters
    ----------
    text : str
        Each part is between the comments ``<!-- NAME -->`` and ``<!-- end -->``.
    parts : dict
        {NAME: text}.

    Raises
    ------
    ValueError
        If the text does not have each mark once.
    """
    for name, part in parts.items():
        text, count = re.subn(
            rf"(<!-- {name} -->\n)(?:.*?\n)??(<!-- end -->)",
            lambda match, part=part: f"{match[1]}{part}\n{match[2]}",
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(
                f"There are {count} parts between <!-- {name} --> and <!-- end -->: "
                "there should be one."
            )
    return text


def plugin_tables(benchmark):
    """The tables of problems and of solvers: the first line of each docstring."""
    kinds = {"problems": benchmark.get_datasets(), "solvers": benchmark.get_solvers()}
    return {
        kind: markdown_table(
            [kind[:-1], "what"], [(f"`{cls.name}`", first_line(cls)) for cls in plugins]
        )
        for kind, plugins in kinds.items()
    }


def first_line(cls):
    return inspect.getdoc(cls).split("\n")[0]


def result_tables(df):
    """The tables of a result file: {metric: Markdown}, and what it was measured on."""
    parts = {}
    for metric in SHOWN:
        marks, notes = outside_marks(df, metric)
        digits = METRICS[metric].digits
        table = pivot(df, metric)
        parts[metric] = formatted(table, "markdown", digits, notes, marks=marks)
    days = sorted(df["run_date"].astype(str).str[:10].unique())
    parts["measured"] = f"Measured on {days[0]}, {machine_text(df)}."
    return parts


def update(path, parts):
    text = filled(path.read_text(encoding="utf-8"), parts)
    path.write_text(text, encoding="utf-8")


def write(folder=BENCHMARK, results=None):
    """Bring the tables up to date.

    Parameters
    ----------
    folder : path
        The benchmark.
    results : path or None
        A result file of ``configs/default.yml``, for the tables of results and the picture
        of the dashboard. None: they stay.
    """
    folder = Path(folder)
    update(folder / PLUGINS, plugin_tables(Benchmark(folder)))
    if results is None:
        return
    df = read_rows(results)
    tables = result_tables(df)
    table = answers(df)
    table = markdown_table(list(table), table.to_numpy().tolist())
    update(folder / README, {"answers": table, "measured": tables["measured"]})
    update(folder / RESULTS, tables)
    with tempfile.TemporaryDirectory() as place:
        page = dashboard(results, Path(place) / "page.html")
        photograph(page, folder / PICTURE)


def main(arguments):
    """Bring the tables of the suite up to date."""
    options = parser("readme", __doc__)
    options.add_argument(
        "file", nargs="?", help="a result file of configs/default.yml (default: none)"
    )
    chosen = options.parse_args(arguments)
    in_checkout("readme")
    write(results=chosen.file)
