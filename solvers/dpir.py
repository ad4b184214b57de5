from functools import partial

from benchmark_inverse_problems import ReconstructionSolver
from benchmark_inverse_problems.methods.dpir import dpir
from benchmark_inverse_problems.networks.drunet import PUBLISHED, denoiser_for


class Solver(ReconstructionSolver):
    """Plug-and-play half-quadratic splitting with a deep denoiser.

    K. Zhang et al., "Plug-and-Play Image Restoration with Deep Denoiser Prior",
    TPAMI 2021. Alternates the proximal operator of the data term and the denoiser.
    """

    name = "dpir"
    parameters = {
        "weights": ["auto"],
        "lambda_": ["tuned"],
        "last": ["tuned"],
        "precision": ["float32"],
    }
    grid = {"lambda_": [0.06, 0.12, 0.23, 0.5, 1.0], "last": [1, 3]}
    published = tuple(PUBLISHED.values())

    def build(self, example, weights, lambda_, last):
        denoiser = denoiser_for(example, weights, self)
        return partial(dpir, denoiser=denoiser, lambda_=lambda_, last=last)
