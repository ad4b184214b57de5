from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    Choice,
    IterativeSolver,
    Number,
    iterations,
    precision,
    prior_weight,
    repetitions,
)
from benchmark_inverse_problems.methods.diffusion import VARIANTS, diffpir
from benchmark_inverse_problems.methods.sampling import side_by_side
from benchmark_inverse_problems.networks.drunet import PUBLISHED, denoiser_for


class Solver(IterativeSolver):
    """Denoising diffusion for plug-and-play restoration, on a denoiser.

    Y. Zhu et al., "Denoising Diffusion Models for Plug-and-Play Image Restoration",
    CVPRW 2023. variant=authors, the default, follows their code with its 100 steps.
    variant=deepinv is deepinv's class, which weighs the data half as much.
    """

    name = "diffpir"
    parameters = {
        "weights": WEIGHTS,
        "variant": Choice(["authors"], "Whose algorithm runs.", VARIANTS),
        "lambda_": prior_weight(3),
        "zeta": Number(
            ["tuned"], "Share of fresh noise.", least=0, most=1, start=1, ratio=2
        ),
        "steps": iterations(100, least=2),
        "repetitions": repetitions(),
        "precision": precision(),
    }
    test_config = {"lambda_": 3, "zeta": 1.0, "steps": 12}
    published = tuple(PUBLISHED.values())

    def unsupported(self, example):
        if self.variant == "deepinv" and example.complex:
            return "clamps complex images with variant=deepinv: use variant=authors"
        return None

    def build(self, example, weights, repetitions=1, **settings):
        denoiser = denoiser_for(example, weights, self)
        lowest = -1.0 if example.complex else 0.0
        sample = partial(diffpir, denoiser=denoiser, lowest=lowest, **settings)
        return side_by_side(sample, repetitions)
