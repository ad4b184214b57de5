from functools import partial

from benchmark_inverse_problems import Choice, Number, ReconstructionSolver
from benchmark_inverse_problems.methods.wiener import LAWS, wiener


class Solver(ReconstructionSolver):
    """The posterior mean of a Gaussian field: the best linear estimate.

    N. Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series",
    1949. For blurs and for denoising it is Wiener's filter. The spectrum `field` is exact
    for `gaussian_field`. `estimated` is the most likely one for each measurement of a blur
    or of a noisy image, and `field` elsewhere. With `samples` it returns the spread of the
    posterior.
    """

    name = "wiener"
    needs = {"linear", "known operator", "real"}
    parameters = {
        "spectrum": Choice(
            ["tuned"], "The spectrum of the images.", LAWS, tried=list(LAWS)
        ),
        "deviation": Number(
            [None],
            "Standard deviation of the images. None: that of the spectrum.",
            "range of the image",
            above=0,
            words=[None],
        ),
        "samples": Number([0], "Samples of the posterior.", least=0, whole=True),
    }

    def build(self, example, spectrum, **settings):
        return partial(wiener, law=spectrum, **settings)
