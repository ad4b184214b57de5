from functools import partial

from benchmark_inverse_problems import Choice, IterativeSolver, Number, iterations
from benchmark_inverse_problems.methods.phase_retrieval import STARTS, amplitude_flow


class Solver(IterativeSolver):
    """Truncated amplitude flow, for phase retrieval.

    G. Wang, G. Giannakis, Y. Eldar, "Solving Systems of Random Quadratic Equations via
    Truncated Amplitude Flow", IEEE Transactions on Information Theory, 2018.
    """

    name = "amplitude_flow"
    needs = {"magnitudes", "known operator", "2d"}
    parameters = {
        "start": Choice(["spectral"], "The first estimate.", STARTS),
        "step": Number([0.6], "Step size.", above=0, most=2),
        "truncation": Number([0.7], "What is trusted, the larger the more.", least=0),
        "iterations": iterations(300),
    }
    test_config = {"dataset": {"name": "coded_diffraction"}, "iterations": 20}

    def build(self, example, **settings):
        return partial(amplitude_flow, **settings)
