from benchmark_inverse_problems import (
    ReconstructionSolver,
    WithDenoiser,
    denoiser_model,
    denoiser_strength,
)
from benchmark_inverse_problems.methods.dpir import denoised
from benchmark_inverse_problems.networks.denoisers import READY, denoiser_named


class Solver(WithDenoiser, ReconstructionSolver):
    """A denoiser by name, deepinv's or the suite's, which is told the noise level.

    bm3d is K. Dabov et al., "Image Denoising by Sparse 3-D Transform-Domain Collaborative
    Filtering", IEEE TIP 2007, in its authors' package, which is for non-commercial use
    only. The sources of the others are in the documentation of J. Tachella et al.,
    "DeepInverse", JOSS 2025. median, dncnn, scunet and restormer do not use the noise
    level. dsccp and scunet denoise gray images as colour images. swinir has networks for
    15, 25 and 50 of 255, and the nearest one is taken.
    """

    name = "denoiser"
    needs = {"denoising", "2d"}
    parameters = {"model": denoiser_model(READY), "strength": denoiser_strength()}
    test_config = {"model": "compact_drunet"}

    def build(self, example, model, strength):
        return denoised(denoiser_named(example, model, self), strength)
