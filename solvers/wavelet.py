from benchmark_inverse_problems import ReconstructionSolver, prior_weight
from benchmark_inverse_problems.methods.wavelet import wavelet
from benchmark_inverse_problems.physics.noise import relative_weight


class Solver(ReconstructionSolver):
    """Least squares plus w times the l1 norm of the wavelet coefficients, solved.

    I. Daubechies, M. Defrise, C. De Mol, "An Iterative Thresholding Algorithm for
    Linear Inverse Problems with a Sparsity Constraint", 2004. w is `weight` times
    the noise level.
    """

    name = "wavelet"
    needs = {"linear", "known operator"}
    parameters = {"weight": prior_weight(0.5, "noise levels")}

    def build(self, example, weight):
        return relative_weight(wavelet, weight)
