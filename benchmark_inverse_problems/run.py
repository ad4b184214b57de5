"""``python -m benchmark_inverse_problems.run ARGS``: `benchopt run` that reports failures.

benchopt prints a failed cell's traceback, leaves the cell out of the results and
exits with 0; this command lists the failed cells at the end and exits with 1.
"""

import contextlib
import sys
import time
from pathlib import Path

import click
from benchopt.cli.main import run as benchopt_run

from .dashboard import self_contained
from .failures import read_failures

BENCHMARK = Path(__file__).parent.parent


def main(arguments):
    """Run benchopt on this benchmark and report.

    Parameters
    ----------
    arguments : list of str
        What would follow ``benchopt run .``

    Returns
    -------
    int
        0; 1 if a cell failed or nothing was computed; 2 for an unusable argument.
    """
    start = time.time()
    outputs = BENCHMARK / "outputs"
    status = 0
    try:
        # benchopt's cache tells "." from the folder's full path: use what users type.
        with contextlib.chdir(BENCHMARK):
            benchopt_run([".", "--no-display", *arguments], standalone_mode=False)
    except SystemExit as error:  # no result at all, or an unusable argument
        status = error.code
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    failures = read_failures(outputs, since=start)
    for failure in failures:
        print(f"FAILED {failure['solver']} on {failure['dataset']}: {failure['error']}")
    for results in outputs.glob("*.parquet"):
        if results.stat().st_mtime >= start:
            for page in outputs.glob(f"*_{results.stem}.html"):
                html = self_contained(page.read_text(encoding="utf-8"))
                page.write_text(html, encoding="utf-8")
                print(f"Dashboard: {page}")
    return status or int(bool(failures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
