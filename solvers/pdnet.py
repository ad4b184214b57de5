from benchmark_inverse_problems import ReconstructionSolver, precision
from benchmark_inverse_problems.networks.pdnet import PDNet
from benchmark_inverse_problems.networks.weights import load_weights


class Solver(ReconstructionSolver):
    """Learned primal-dual: small networks by turns in data space and in image space.

    J. Adler, O. Oktem, "Learned Primal-Dual Reconstruction", IEEE TMI 2018. One network
    serves all tasks, as in M. Terris et al., "Reconstruct Anything Model", ICLR 2026.
    """

    name = "pdnet"
    parameters = {"precision": precision()}
    end_to_end = {}

    def unsupported(self, example):
        if example.y.ndim > len(example.shape):
            return "needs measurements of one coil, as its networks see them as images"
        return None

    def build(self, example):
        return load_weights(PDNet(), "pdnet")
