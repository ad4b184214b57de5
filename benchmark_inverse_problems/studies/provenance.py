"""The provenance of a table: one line that the commands print below it."""

import subprocess
from datetime import date

from ..networks.weights import checksum
from ..solving.settings import device, machine, threads
from ..suite import BENCHMARK


def provenance(weights=()):
    """Commit, date, machine and checksums, as one sentence.

    Parameters
    ----------
    weights : iterable of str
        Stems of the bundled weights behind the table.
    """
    count = threads()
    parts = [
        f"Commit {commit()}",
        date.today().isoformat(),
        machine(device()),
        f"{count} thread{'' if count == 1 else 's'}",
        *(f"{name} {checksum(name)}" for name in weights),
    ]
    return ", ".join(parts) + "."


def commit():
    """The commit of the suite, with a + if files differ from it."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],
            cwd=BENCHMARK,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):  # an installed copy
        return "unknown"
    return found.stdout.strip()
