from functools import partial

from benchmark_inverse_problems import IterativeSolver
from benchmark_inverse_problems.methods.pnp import red
from benchmark_inverse_problems.networks.drunet import PUBLISHED, denoiser_for


class Solver(IterativeSolver):
    """Regularisation by denoising, by its fixed-point iteration.

    Y. Romano, M. Elad, P. Milanfar, "The Little Engine that Could: Regularization by
    Denoising (RED)", SIAM Journal on Imaging Sciences, 2017.
    """

    name = "red"
    parameters = {
        "weights": ["auto"],
        "lambda_": ["tuned"],
        "level": ["tuned"],
        "iterations": [30],
        "precision": ["float32"],
    }
    grid = {"lambda_": [0.05, 0.2, 0.6, 2.0], "level": [0.015, 0.03, 0.06, 0.12]}
    test_config = {"lambda_": 0.6, "level": 0.03, "iterations": 8}
    published = tuple(PUBLISHED.values())

    def build(self, example, weights, **settings):
        denoiser = denoiser_for(example, weights, self)
        return partial(red, denoiser=denoiser, **settings)
