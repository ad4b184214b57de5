from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    Number,
    ReconstructionSolver,
    iterations,
    precision,
    repetitions,
)
from benchmark_inverse_problems.methods.diffusion import ddrm
from benchmark_inverse_problems.methods.sampling import repeated
from benchmark_inverse_problems.networks.drunet import PUBLISHED, denoiser_for


class Solver(ReconstructionSolver):
    """Denoising diffusion restoration models, on a denoiser, by deepinv.

    B. Kawar, M. Elad, S. Ermon, J. Song, "Denoising Diffusion Restoration Models",
    NeurIPS 2022. deepinv must know the operator's singular value decomposition.
    """

    name = "ddrm"
    needs = {"diagonal", "known operator", "2d"}
    parameters = {
        "weights": WEIGHTS,
        "steps": iterations(30, least=2),
        "eta": Number([0.85], "Share of fresh noise.", least=0, most=1),
        "repetitions": repetitions(),
        "precision": precision(),
    }
    # Fresh noise amplifies the rounding of bfloat16, which a test checks.
    test_config = {"steps": 10, "eta": 0.0}
    published = tuple(PUBLISHED.values())

    def build(self, example, weights, steps, eta, repetitions=1):
        denoiser = denoiser_for(example, weights, self)
        sample = partial(ddrm, denoiser=denoiser, steps=steps, eta=eta)
        return repeated(sample, repetitions)
