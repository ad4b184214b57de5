from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    Number,
    ReconstructionSolver,
    precision,
)
from benchmark_inverse_problems.methods.alternating import likeliest_kernel
from benchmark_inverse_problems.methods.blind import with_kernel
from benchmark_inverse_problems.networks.ram import PUBLISHED, load_ram


class Solver(ReconstructionSolver):
    """Blind deblurring by turns: an image with few edges, and its kernel; then RAM.

    L. Xu, S. Zheng and J. Jia, "Unnatural L0 Sparse Representation for Natural Image
    Deblurring", CVPR 2013; J. Pan et al., "Deblurring Text Images via L0-Regularized
    Intensity and Gradient Prior", CVPR 2014. Of the kernels of several penalties, and of
    no blur, the one that is likeliest under the spectrum of natural images is taken.
    """

    name = "blind_alternating"
    needs = {"blur", "2d"}
    parameters = {
        "weights": WEIGHTS,
        "exponent": Number([2.4], "Exponent of the spectrum.", above=0, start=2.4),
        "inflation": Number(
            [1.5], "Factor on the noise level.", least=1, start=1.5, ratio=2
        ),
        "precision": precision(),
    }
    published = (PUBLISHED,)
    test_config = {"dataset": {"name": "blind_deblur"}}

    def build(self, example, weights, exponent, inflation):
        ram = self.place(load_ram(weights, "full", self.name))
        find = partial(likeliest_kernel, exponent=exponent)
        return partial(with_kernel, restore=ram, find=find, inflation=inflation)
