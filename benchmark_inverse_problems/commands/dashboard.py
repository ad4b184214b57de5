"""Write the dashboard of a result file: one HTML file that opens anywhere."""

from ..report.dashboard import dashboard
from ..suite import BENCHMARK, home
from . import parser


def main(arguments):
    """Write the page and print where it is."""
    options = parser(
        "dashboard", "One HTML page of a result file; it needs no network."
    )
    options.add_argument(
        "file", nargs="?", help="a result file (default: the newest in outputs/)"
    )
    options.add_argument("--output", help="the page (default: beside the file)")
    options = options.parse_args(arguments)
    print(f"Dashboard: {dashboard(options.file or newest(), options.output)}")


def newest():
    """The result file that was written last."""
    files = list((home(BENCHMARK) / "outputs").glob("*.parquet"))
    if not files:
        raise FileNotFoundError("There is no result file in outputs/: run `make run`.")
    return max(files, key=lambda file: file.stat().st_mtime)
