from benchmark_inverse_problems.methods.initial import relative_weight
from benchmark_inverse_problems.methods.wavelet import wavelet
from benchmark_inverse_problems.solver import ReconstructionSolver


class Solver(ReconstructionSolver):
    """argmin_x 1/2 |Ax - y|^2 + w |W x|_1, solved to a stated tolerance.

    I. Daubechies, M. Defrise, C. De Mol, "An Iterative Thresholding Algorithm for
    Linear Inverse Problems with a Sparsity Constraint", 2004. w is `weight` times
    the noise level.
    """

    name = "wavelet"
    parameters = {"weight": ["tuned"]}
    grid = {"weight": [0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0]}

    def build(self, weight):
        return relative_weight(wavelet, weight)
