from functools import partial

from benchmark_inverse_problems import WEIGHTS, ReconstructionSolver, precision
from benchmark_inverse_problems.methods.blind import restored
from benchmark_inverse_problems.networks.ram import PUBLISHED, load_ram
from benchmark_inverse_problems.physics.kernels import no_blur
from benchmark_inverse_problems.physics.operators.blur import circular_blur


class Solver(ReconstructionSolver):
    """RAM as a denoiser: blind deblurring without any kernel.

    A. Levin et al., "Understanding and Evaluating Blind Deconvolution Algorithms", CVPR
    2009, call it the no-blur solution. A method that finds a kernel must be better.
    """

    name = "blind_floor"
    needs = {"blur", "2d"}
    parameters = {"weights": WEIGHTS, "precision": precision()}
    published = (PUBLISHED,)
    test_config = {"dataset": {"name": "blind_deblur"}}

    def build(self, example, weights):
        ram = self.place(load_ram(weights, "full", self.name))
        blur = circular_blur(example.shape[1:], no_blur())
        return partial(restored, blur=blur, restore=ram)
