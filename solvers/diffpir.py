from functools import partial

from deepinv.physics import MRI

from benchmark_inverse_problems.methods.diffusion import diffpir
from benchmark_inverse_problems.methods.drunet import PUBLISHED, load_denoiser
from benchmark_inverse_problems.solver import IterativeSolver


class Solver(IterativeSolver):
    """Denoising diffusion for plug-and-play restoration, on a denoiser.

    Y. Zhu et al., "Denoising Diffusion Models for Plug-and-Play Image Restoration",
    CVPRW 2023. variant=authors, the default, follows their code with its 100 steps;
    variant=deepinv is deepinv's class, which weighs the data half as much.
    """

    name = "diffpir"
    parameters = {
        "weights": ["auto"],
        "variant": ["authors"],
        "lambda_": ["tuned"],
        "zeta": ["tuned"],
        "steps": [100],
        "precision": ["float32"],
    }
    grid = {"lambda_": [0.7, 1.5, 3, 7], "zeta": [0.3, 1.0]}
    test_config = {"lambda_": 3, "zeta": 1.0, "steps": 12}
    published = tuple(PUBLISHED.values())

    def unsupported(self, physics):
        if self.variant == "deepinv" and isinstance(physics, MRI):
            return "clamps complex images with variant=deepinv: use variant=authors"
        return None

    def build(self, weights, **settings):
        denoiser = self.place(load_denoiser(weights, self.channels, self.name))
        return partial(diffpir, denoiser=denoiser, **settings)
