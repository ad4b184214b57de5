from functools import partial

from benchmark_inverse_problems import (
    IterativeSolver,
    Number,
    WithDenoiser,
    denoiser_model,
    denoiser_strength,
)
from benchmark_inverse_problems.methods.dpir import half_quadratic_splitting, scaled
from benchmark_inverse_problems.networks.denoisers import denoiser_named


class Solver(WithDenoiser, IterativeSolver):
    """Plug-and-play half-quadratic splitting with any denoiser of `denoiser` as the prior.

    The iterations are those of `dpir`: K. Zhang et al., "Plug-and-Play Image Restoration
    with Deep Denoiser Prior", TPAMI 2021. The idea is that of S. Venkatakrishnan, C.
    Bouman, B. Wohlberg, "Plug-and-Play Priors for Model Based Reconstruction", GlobalSIP
    2013.
    """

    name = "pnp"
    parameters = {
        "model": denoiser_model(),
        "strength": denoiser_strength(),
        "lambda_": Number([0.1], "Weight of the prior.", above=0, start=0.1),
        "last": Number(
            [2],
            "Last denoising level.",
            "noise levels",
            least=1,
            start=2,
            ratio=2,
        ),
    }

    def build(self, example, model, strength, **settings):
        denoiser = scaled(denoiser_named(example, model, self), strength)
        return partial(half_quadratic_splitting, denoiser=denoiser, **settings)
