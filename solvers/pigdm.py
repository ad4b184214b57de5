from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    Number,
    ReconstructionSolver,
    iterations,
    precision,
    repetitions,
)
from benchmark_inverse_problems.methods.diffusion import pigdm
from benchmark_inverse_problems.methods.sampling import repeated
from benchmark_inverse_problems.networks.drunet import PUBLISHED, denoiser_for


class Solver(ReconstructionSolver):
    """Pseudoinverse-guided diffusion, on a denoiser.

    J. Song, A. Vahdat, M. Mardani, J. Kautz, "Pseudoinverse-Guided Diffusion Models for
    Inverse Problems", ICLR 2023. Each step needs a gradient through the denoiser, and
    the proximal operator of the data term.
    """

    name = "pigdm"
    needs = {"linear", "known operator", "2d"}
    parameters = {
        "weights": WEIGHTS,
        "deviation": Number(
            [0.15],
            "Standard deviation of images about what the denoiser makes of pure noise. "
            "The paper's is 0.5.",
            above=0,
            start=0.15,
            ratio=2,
        ),
        "weight": Number([1.0], "Weight of the guidance.", above=0, start=1, ratio=2),
        "steps": iterations(40, least=2),
        "repetitions": repetitions(),
        "precision": precision(),
    }
    test_config = {"steps": 12}
    published = tuple(PUBLISHED.values())

    def build(self, example, weights, repetitions=1, **settings):
        denoiser = denoiser_for(example, weights, self)
        lowest = -1.0 if example.complex else 0.0
        sample = partial(pigdm, denoiser=denoiser, lowest=lowest, **settings)
        return repeated(sample, repetitions)
