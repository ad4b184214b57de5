from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    Number,
    ReconstructionSolver,
    iterations,
    precision,
    repetitions,
)
from benchmark_inverse_problems.methods.diffusion import dps
from benchmark_inverse_problems.methods.sampling import repeated
from benchmark_inverse_problems.networks.drunet import PUBLISHED, denoiser_for


class Solver(ReconstructionSolver):
    """Diffusion posterior sampling, on a denoiser, by deepinv.

    H. Chung, J. Kim, M. T. McCann, M. L. Klasky, J. C. Ye, "Diffusion Posterior Sampling
    for General Noisy Inverse Problems", ICLR 2023. Each step needs a gradient through
    the denoiser.
    """

    name = "dps"
    needs = {"linear", "known operator", "2d"}
    parameters = {
        "weights": WEIGHTS,
        "weight": Number([2.0], "Weight of the data.", above=0, start=2.0, ratio=2),
        "steps": iterations(100, least=2),
        "repetitions": repetitions(),
        "precision": precision(),
    }
    test_config = {"steps": 20}
    published = tuple(PUBLISHED.values())

    def build(self, example, weights, weight, steps, repetitions=1):
        denoiser = denoiser_for(example, weights, self)
        sample = partial(dps, denoiser=denoiser, steps=steps, weight=weight)
        return repeated(sample, repetitions)
