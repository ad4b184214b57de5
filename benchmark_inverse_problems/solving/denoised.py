"""What solvers share whose denoiser is chosen by name."""

from ..networks.denoisers import COMPACT, DENOISERS, READY, checkpoints, missing_package
from ..support.parameters import Choice, Number

PUBLISHED = tuple(
    dict.fromkeys(file for name in DENOISERS for file in checkpoints(name))
)


def denoiser_model(ready=(COMPACT,)):
    """The denoiser, of `networks.denoisers.DENOISERS`; by default those in `ready`."""
    return Choice(
        list(ready),
        f"The denoiser. {COMPACT} is the suite's. Those but {', '.join(READY)} download "
        "the authors' weights where they are not on disk.",
        DENOISERS,
    )


def denoiser_strength():
    """A factor of the noise level that the denoiser is told."""
    return Number(
        [1.0],
        "Factor of the noise level that the denoiser is told.",
        above=0,
        start=1,
        ratio=2,
    )


class WithDenoiser:
    """A solver with the parameter `model`.

    Its key has the checkpoints of this model, and it is skipped where its package is
    missing.
    """

    published = PUBLISHED

    def checkpoints(self):
        return checkpoints(self._parameters["model"])

    def unsupported(self, example):
        return missing_package(self.model)
