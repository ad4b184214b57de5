from benchmark_inverse_problems import ReconstructionSolver
from benchmark_inverse_problems.networks.unrolled import Unrolled, weights_name
from benchmark_inverse_problems.networks.weights import load_weights


class Solver(ReconstructionSolver):
    """Unrolled optimisation: eight iterations, trained end to end on all tasks.

    K. Gregor, Y. LeCun, "Learning Fast Approximations of Sparse Coding", ICML 2010.
    `algorithm=hqs` is the unrolled DPIR of M. Terris et al., "Reconstruct Anything
    Model", ICLR 2026. `algorithm=pgd` takes gradient steps instead. With `tied` all
    iterations share one denoiser. Otherwise each has a narrow one of its own.
    """

    name = "unrolled"
    parameters = {"algorithm": ["hqs"], "tied": [True], "precision": ["float32"]}
    end_to_end = {}

    def build(self, example, algorithm, tied):
        return load_weights(Unrolled(algorithm, tied), weights_name(algorithm, tied))
