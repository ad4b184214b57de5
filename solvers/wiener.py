from functools import partial

from benchmark_inverse_problems import Number, ReconstructionSolver
from benchmark_inverse_problems.methods.wiener import wiener


class Solver(ReconstructionSolver):
    """The posterior mean of a Gaussian field: the best linear estimate.

    N. Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series",
    1949. It is exact for `gaussian_field`. Elsewhere it takes photographs for such fields.
    With `samples` it returns the spread of the posterior.
    """

    name = "wiener"
    needs = {"linear", "known operator", "real"}
    parameters = {
        "deviation": Number(
            [0.15], "Standard deviation of the images.", "range of the image", above=0
        ),
        "samples": Number([0], "Samples of the posterior.", least=0, whole=True),
    }

    def build(self, example, deviation, samples):
        return partial(wiener, deviation=deviation, samples=samples)
