from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    IterativeSolver,
    denoising_level,
    iterations,
    precision,
    prior_weight,
)
from benchmark_inverse_problems.methods.pnp import red
from benchmark_inverse_problems.networks.drunet import PUBLISHED, denoiser_for


class Solver(IterativeSolver):
    """Regularisation by denoising, by its fixed-point iteration.

    Y. Romano, M. Elad, P. Milanfar, "The Little Engine that Could: Regularization by
    Denoising (RED)", SIAM Journal on Imaging Sciences, 2017.
    """

    name = "red"
    parameters = {
        "weights": WEIGHTS,
        "lambda_": prior_weight(0.5),
        "level": denoising_level(0.05),
        "iterations": iterations(30),
        "precision": precision(),
    }
    test_config = {"lambda_": 0.6, "level": 0.03, "iterations": 8}
    published = tuple(PUBLISHED.values())

    def build(self, example, weights, **settings):
        denoiser = denoiser_for(example, weights, self)
        return partial(red, denoiser=denoiser, **settings)
