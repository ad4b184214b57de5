from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    Number,
    ReconstructionSolver,
    precision,
)
from benchmark_inverse_problems.methods.alternating import likeliest, likeliest_kernel
from benchmark_inverse_problems.methods.blind import with_kernel, with_network
from benchmark_inverse_problems.networks import kernel_network, ram


class Solver(ReconstructionSolver):
    """Blind deblurring with the kernel that a network finds; RAM restores.

    The bundled network improves the kernel of `blind_alternating`, by the stages of C. J.
    Schuler et al., "Learning to Deblur", IEEE TPAMI 2016. The likelier of the two kernels
    is taken. The published one is that of G.
    Carbajal et al., "Blind Motion Deblurring with Pixel-Wise Kernel Estimation via Kernel
    Prediction Networks", IEEE TCI 2023: it finds 25 filters and their weights at each
    pixel, of images with linear intensities.
    """

    name = "blind_net"
    needs = {"blur", "2d"}
    parameters = {
        "weights": WEIGHTS,
        "inflation": Number(
            [1.5], "Factor on the noise level.", least=1, start=1.5, ratio=2
        ),
        "precision": precision(),
    }
    published = (kernel_network.PUBLISHED, ram.PUBLISHED)
    test_config = {"dataset": {"name": "blind_deblur"}}

    def unsupported(self, example):
        if min(example.shape[2:]) < kernel_network.SIZE:
            return (
                f"finds kernels of {kernel_network.SIZE} pixels in larger images only"
            )
        return None

    def build(self, example, weights, inflation):
        restore = self.place(ram.load_ram(weights, "full", self.name))
        network = self.place(kernel_network.load_kernel_network(weights, self.name))
        found = {"restore": restore, "inflation": inflation}
        if weights == "published":
            return partial(with_network, network=network, **found)

        def find(y, sigma):
            first = likeliest_kernel(y, sigma)
            return likeliest([first, network(y, sigma, first)], y, sigma)

        return partial(with_kernel, find=find, **found)
