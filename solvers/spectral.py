from benchmark_inverse_problems import ReconstructionSolver
from benchmark_inverse_problems.methods.phase_retrieval import spectral


class Solver(ReconstructionSolver):
    """The spectral estimate of phase retrieval: a leading eigenvector.

    W. Luo, W. Alghamdi, Y. Lu, "Optimal Spectral Initialization for Signal Recovery with
    Applications to Phase Retrieval", IEEE TSP 2019.
    """

    name = "spectral"
    needs = {"magnitudes", "known operator", "2d"}
    test_config = {"dataset": {"name": "coded_diffraction"}}

    def build(self, example):
        return spectral
