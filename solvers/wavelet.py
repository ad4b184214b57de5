from benchmark_inverse_problems import Number, ReconstructionSolver
from benchmark_inverse_problems.methods.wavelet import wavelet
from benchmark_inverse_problems.physics.noise import relative_weight


class Solver(ReconstructionSolver):
    """Least squares plus w times the l1 norm of the wavelet coefficients, solved.

    I. Daubechies, M. Defrise, C. De Mol, "An Iterative Thresholding Algorithm for
    Linear Inverse Problems with a Sparsity Constraint", 2004. w is `weight` times
    the noise level.
    """

    name = "wavelet"
    parameters = {
        "weight": Number(
            ["tuned"], "Weight of the prior.", "noise levels", above=0, start=0.5
        )
    }

    def build(self, example, weight):
        return relative_weight(wavelet, weight)
