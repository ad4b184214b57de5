from benchmark_inverse_problems.methods.linear import bicubic, decimates
from benchmark_inverse_problems.solver import ReconstructionSolver


class Solver(ReconstructionSolver):
    """Bicubic interpolation of the low-resolution image, on the operator's own grid.

    R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981,
    with a = -0.5. For super-resolution only.
    """

    name = "bicubic"
    test_config = {"dataset": {"task": "sr"}}

    def unsupported(self, physics):
        return None if decimates(physics) else "interpolates low-resolution images only"

    def build(self):
        return bicubic
