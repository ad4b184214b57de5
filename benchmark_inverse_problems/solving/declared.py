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


def repetitions():
    """The samples of a posterior that a sampler draws."""
    return Number(
        [1],
        "Samples of the posterior. From two on, their mean is the result, with a spread.",
        least=1,
        whole=True,
    )


def prior_weight(start, unit=""):
    """The weight of a prior, tuned from `start`."""
    return Number(["tuned"], "Weight of the prior.", unit, above=0, start=start)


def denoising_level(start):
    """The level of a denoiser, tuned from `start`."""
    return Number(
        ["tuned"],
        "Denoising level.",
        "range of the image",
        above=0,
        most=1,
        start=start,
        ratio=2,
    )


def fitting(sizes, rules, average):
    """The parameters of fits of a new network to one measurement.

    Parameters
    ----------
    sizes, rules : iterable of str
        Sizes of the network, and rules that end the fit.
    average : float
        The default of `average`.
    """
    return {
        "size": Choice(["compact"], "Size of the network.", sizes),
        "stopping": Choice(["auto"], "Rule that ends the fit.", rules),
        "iterations": iterations(1000),
        "lr": Number([0.01], "Learning rate.", above=0),
        "average": Number(
            [average], "Share of the former average in the next one.", least=0, most=1
        ),
        "tv_weight": Number(
            [0.0], "Weight of the total variation.", "noise levels", least=0
        ),
        "patience": Number(
            [200],
            "Patience of stopping=variance.",
            "iterations",
            least=1,
            whole=True,
        ),
        "precision": precision("bfloat16"),
    }
