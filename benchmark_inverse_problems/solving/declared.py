"""Parameters that many solvers have."""

from ..support.parameters import Choice, Number
from .settings import PRECISIONS

WEIGHTS = Choice(
    ["auto"],
    "Weights of the network: bundled, or the authors'. auto takes the authors' where they "
    "are on disk.",
    ["auto", "bundled", "published"],
)


def precision(default=PRECISIONS[0]):
    """The precision of a solver's networks."""
    return Choice([default], "Type of the numbers in the network.", PRECISIONS)


def iterations(default, least=1, start=None):
    """The iterations of a solver; with `start` they may be tuned."""
    return Number([default], "Iterations.", least=least, whole=True, start=start)
