from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    IterativeSolver,
    Number,
    denoising_level,
    iterations,
    precision,
)
from benchmark_inverse_problems.methods.pnp import pnp_pgd
from benchmark_inverse_problems.networks.drunet import PUBLISHED, denoiser_for


class Solver(IterativeSolver):
    """Plug-and-play proximal gradient descent with a deep denoiser.

    U. Kamilov, H. Mansour, B. Wohlberg, "A Plug-and-Play Priors Approach for Solving
    Nonlinear Imaging Inverse Problems", IEEE Signal Processing Letters, 2017.
    Convergence: S. Hurault, A. Leclaire, N. Papadakis, "Proximal Denoiser for
    Convergent Plug-and-Play Optimization with Nonconvex Regularization", ICML 2022.
    `relaxation` is the weight of the denoised image, as in S. Hurault, A. Chambolle, A.
    Leclaire, N. Papadakis, "A Relaxed Proximal Gradient Descent Algorithm for
    Convergent Plug-and-Play with Proximal Denoiser", SSVM 2023.
    """

    name = "pnp_pgd"
    parameters = {
        "weights": WEIGHTS,
        "level": denoising_level(0.06),
        "relaxation": Number(
            ["tuned"],
            "Weight of the denoised image.",
            above=0,
            most=1,
            start=0.5,
            ratio=2,
        ),
        "iterations": iterations(30),
        "precision": precision(),
    }
    test_config = {"level": 0.05, "relaxation": 1.0, "iterations": 8}
    published = tuple(PUBLISHED.values())

    def build(self, example, weights, **settings):
        denoiser = denoiser_for(example, weights, self)
        return partial(pnp_pgd, denoiser=denoiser, **settings)
