from functools import partial

from benchmark_inverse_problems import (
    Choice,
    IterativeSolver,
    Number,
    iterations,
)
from benchmark_inverse_problems.methods.nonlinear import PRIORS, gradient_descent


class Solver(IterativeSolver):
    """Gradient descent for operators that are not linear, with a prior, by Adam.

    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015. It needs
    no more of the operator than its gradient.
    """

    name = "gradient_descent"
    needs = {"not linear", "known operator", "2d"}
    parameters = {
        "prior": Choice(["tv"], "The prior.", PRIORS),
        "weight": Number(
            [0.05], "Weight of the prior.", "noise levels", above=0, start=0.05
        ),
        "lr": Number([0.05], "Learning rate.", above=0, start=0.05, ratio=2),
        "iterations": iterations(200),
    }
    test_config = {"dataset": {"name": "scattering"}, "iterations": 10}

    def build(self, example, **settings):
        return partial(gradient_descent, shape=example.shape, **settings)
