from benchmark_inverse_problems import Choice, ReconstructionSolver, precision
from benchmark_inverse_problems.networks.unrolled import (
    ALGORITHMS,
    Unrolled,
    weights_name,
)
from benchmark_inverse_problems.networks.weights import load_weights


class Solver(ReconstructionSolver):
    """Unrolled optimisation: eight iterations, trained end to end on all tasks.

    K. Gregor, Y. LeCun, "Learning Fast Approximations of Sparse Coding", ICML 2010.
    `algorithm=hqs` is the unrolled DPIR of M. Terris et al., "Reconstruct Anything
    Model", ICLR 2026. `algorithm=pgd` takes gradient steps instead. With `tied` all
    iterations share one denoiser. Otherwise each has a narrow one of its own.
    """

    name = "unrolled"
    parameters = {
        "algorithm": Choice(["hqs"], "The algorithm that is unrolled.", ALGORITHMS),
        "tied": Choice([True], "Whether iterations share a denoiser.", [True, False]),
        "precision": precision(),
    }
    end_to_end = {}

    def build(self, example, algorithm, tied):
        return load_weights(Unrolled(algorithm, tied), weights_name(algorithm, tied))
