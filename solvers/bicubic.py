from benchmark_inverse_problems import ReconstructionSolver
from benchmark_inverse_problems.methods.baselines import bicubic


class Solver(ReconstructionSolver):
    """Bicubic interpolation of the low-resolution image, on the operator's own grid.

    R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981,
    with a = -0.5. For super-resolution only.
    """

    name = "bicubic"
    needs = {"low resolution", "known operator", "2d"}
    test_config = {"dataset": {"task": "sr"}}

    def build(self, example):
        return bicubic
