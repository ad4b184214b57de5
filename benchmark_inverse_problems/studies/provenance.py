"""The provenance of a table: one line that the commands print below it."""

from datetime import date

from ..networks.weights import checksum
from ..solving.settings import device, machine, threads
from ..suite import version


def provenance(weights=()):
    """Commit or version, date, machine and checksums, as one sentence.

    Parameters
    ----------
    weights : iterable of str
        Stems of the bundled weights behind the table.
    """
    count = threads()
    parts = [
        version().capitalize(),
        date.today().isoformat(),
        machine(device()),
        f"{count} thread{'' if count == 1 else 's'}",
        *(f"{name} {checksum(name)}" for name in weights),
    ]
    return ", ".join(parts) + "."
