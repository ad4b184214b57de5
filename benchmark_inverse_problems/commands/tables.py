"""Print a table of a result file, in the layout of a paper's if wanted."""

from dataclasses import replace

from ..judge.metrics import METRICS
from ..report.submitted import read_rows
from ..report.tables import (
    FORMATS,
    LAYOUTS,
    arranged,
    formatted,
    incomplete_notes,
    outside_marks,
    pivot,
    with_published,
)
from . import parser


def main(arguments):
    """Print the table of a result file."""
    options = parser(
        "tables",
        "A table of a result file. It shows one metric, problems by solvers, or has "
        "the layout of a paper's table.",
    )
    options.add_argument("file", help="a parquet or CSV file in outputs/")
    options.add_argument("--metric", choices=METRICS)
    options.add_argument("--format", choices=FORMATS, default="markdown")
    options.add_argument("--layout", choices=LAYOUTS, default="plain")
    options.add_argument(
        "--published",
        action="store_true",
        help="add published figures of the same protocol",
    )
    options = options.parse_args(arguments)
    df, layout, marks = read_rows(options.file), LAYOUTS[options.layout], {}
    if options.metric:
        layout = replace(layout, metrics=(options.metric,))
    if options.layout == "plain":
        (metric,) = layout.metrics
        table, sources = pivot(df, metric), []
        marks, notes = outside_marks(df, metric)
        notes += incomplete_notes(df, metric)
        if options.published:
            table, sources = with_published(table, metric)
        notes = sources + notes
        digits = METRICS[metric].digits
    else:
        (table, notes), digits = arranged(df, layout, options.published), 0
    label = "method" if layout.methods_in_rows else "problem"
    print(formatted(table, options.format, digits, notes, label, marks=marks))
