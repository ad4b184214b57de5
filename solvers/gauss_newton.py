from functools import partial

from benchmark_inverse_problems import (
    Choice,
    IterativeSolver,
    iterations,
    prior_weight,
)
from benchmark_inverse_problems.methods.nonlinear import PRIORS, gauss_newton


class Solver(IterativeSolver):
    """Gauss and Newton's method for operators that are not linear, with a prior.

    C. Vogel, M. Oman, "Iterative Methods for Total Variation Denoising", SIAM Journal on
    Scientific Computing, 1996, for the quadratic that touches the total variation.
    """

    name = "gauss_newton"
    needs = {"not linear", "known operator", "2d"}
    parameters = {
        "prior": Choice(["tv"], "The prior.", PRIORS),
        "weight": prior_weight(0.05, "noise levels"),
        "iterations": iterations(10),
    }
    test_config = {"dataset": {"name": "scattering"}, "weight": 0.05, "iterations": 3}

    def build(self, example, **settings):
        return partial(gauss_newton, shape=example.shape, **settings)
