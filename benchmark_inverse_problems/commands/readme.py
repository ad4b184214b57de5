"""Write the tables of problems and solvers into the README."""

import inspect
import re
from pathlib import Path

from benchopt.benchmark import Benchmark

from ..suite import BENCHMARK, in_checkout
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
        table = markdown_table([kind, "what"], rows)
        text, count = re.subn(
            rf"(<!-- {kind}s -->\n).*?(\n<!-- end -->)",
            lambda match, table=table: match[1] + table + match[2],
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(
                f"The README has {count} tables between <!-- {kind}s --> and "
                "<!-- end -->: there should be one."
            )
    return text


def first_line(cls):
    return inspect.getdoc(cls).split("\n")[0]


def write(folder=BENCHMARK):
    """Bring the README of a benchmark up to date."""
    path = Path(folder) / "README.md"
    path.write_text(with_tables(path.read_text(), Benchmark(folder)))


def main(arguments):
    """Bring the README of the suite up to date."""
    parser("readme", "Write the tables of plugins into the README.").parse_args(
        arguments
    )
    in_checkout("readme")
    write()
