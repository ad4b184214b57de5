from functools import partial

from benchmark_inverse_problems.methods.wavelet import wavelet
from benchmark_inverse_problems.solver import ReconstructionSolver


class Solver(ReconstructionSolver):
    """argmin_x 1/2 |Ax - y|^2 + weight |W x|_1, solved to a stated tolerance.

    I. Daubechies, M. Defrise, C. De Mol, "An Iterative Thresholding Algorithm for
    Linear Inverse Problems with a Sparsity Constraint", 2004.
    """

    name = "wavelet"
    parameters = {"weight": ["tuned"]}
    grid = {"weight": [0.001, 0.002, 0.004, 0.008, 0.016, 0.03, 0.06, 0.12, 0.25]}

    def build(self, weight):
        return partial(wavelet, weight=weight)
