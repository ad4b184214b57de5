from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    Number,
    ReconstructionSolver,
    precision,
    prior_weight,
)
from benchmark_inverse_problems.methods.dpir import dpir
from benchmark_inverse_problems.networks.drunet import PUBLISHED, denoiser_for


class Solver(ReconstructionSolver):
    """Plug-and-play half-quadratic splitting with a deep denoiser.

    K. Zhang et al., "Plug-and-Play Image Restoration with Deep Denoiser Prior",
    TPAMI 2021. Alternates the proximal operator of the data term and the denoiser. Where the
    operator is not linear, a Gauss-Newton step takes the place of the proximal operator.
    """

    name = "dpir"
    needs = {"differentiable", "phases", "known operator", "2d"}
    parameters = {
        "weights": WEIGHTS,
        "lambda_": prior_weight(0.1),
        "last": Number(
            ["tuned"],
            "Last denoising level.",
            "noise levels",
            least=1,
            start=2,
            ratio=2,
        ),
        "precision": precision(),
    }
    published = tuple(PUBLISHED.values())

    def build(self, example, weights, lambda_, last):
        denoiser = denoiser_for(example, weights, self)
        return partial(dpir, denoiser=denoiser, lambda_=lambda_, last=last)
