from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    Choice,
    Number,
    ReconstructionSolver,
    precision,
)
from benchmark_inverse_problems.methods.blind import gaussian_by_likelihood, with_kernel
from benchmark_inverse_problems.methods.dpir import dpir
from benchmark_inverse_problems.networks import drunet, ram


class Solver(ReconstructionSolver):
    """Blind deblurring with the Gaussian kernel of the largest likelihood.

    The image is taken for noise with the spectrum of natural images: D. Field, JOSA A,
    1987; A. Levin et al., "Understanding and Evaluating Blind Deconvolution Algorithms",
    CVPR 2009, on why the kernel alone is sought. `restorer` then deblurs with the kernel.
    """

    name = "blind_ml"
    needs = {"blur", "2d"}
    parameters = {
        "weights": WEIGHTS,
        "restorer": Choice(["ram"], "What deblurs.", ["ram", "dpir"]),
        "exponent": Number([2.8], "Exponent of the spectrum.", above=0, start=2.8),
        "inflation": Number(
            [1.0], "Factor on the noise level.", least=1, start=1, ratio=2
        ),
        "precision": precision(),
    }
    published = (ram.PUBLISHED, *drunet.PUBLISHED.values())
    test_config = {"dataset": {"name": "blind_deblur"}}

    def unsupported(self, example):
        if getattr(example.physics, "kernel_family", "gaussian") != "gaussian":
            return "is for Gaussian kernels"
        return None

    def build(self, example, weights, restorer, exponent, inflation):
        if restorer == "ram":
            restore = self.place(ram.load_ram(weights, "full", self.name))
        else:
            denoiser = drunet.denoiser_for(example, weights, self)
            restore = partial(dpir, denoiser=denoiser)
        find = partial(gaussian_by_likelihood, exponent=exponent)
        return partial(with_kernel, restore=restore, find=find, inflation=inflation)
