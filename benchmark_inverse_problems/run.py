"""``python -m benchmark_inverse_problems.run ARGS``: `benchopt run` that reports failures.

benchopt prints a failed cell's traceback, leaves the cell out of the results and
exits with 0; this command lists the failed cells at the end and exits with 1.
"""

import sys
import time
from pathlib import Path

from benchopt.cli.main import run as benchopt_run

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
        0, or 1 if a cell failed or nothing was computed.
    """
    start = time.time()
    outputs = BENCHMARK / "outputs"
    completed = True
    try:
        benchopt_run(
            [str(BENCHMARK), "--no-display", *arguments], standalone_mode=False
        )
    except RuntimeError as error:  # benchopt's word for a run without any result
        print(error, file=sys.stderr)
        completed = False
    failures = read_failures(outputs, since=start)
    for failure in failures:
        print(f"FAILED {failure['solver']} on {failure['dataset']}: {failure['error']}")
    pages = [
        page
        for page in outputs.glob("*benchopt_run_*.html")
        if page.stat().st_mtime >= start
    ]
    if pages:
        print(f"Dashboard: {max(pages, key=lambda page: page.stat().st_mtime)}")
    return 0 if completed and not failures else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
