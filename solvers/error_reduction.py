from functools import partial

from benchmark_inverse_problems import Choice, IterativeSolver, iterations
from benchmark_inverse_problems.methods.phase_retrieval import STARTS, error_reduction


class Solver(IterativeSolver):
    """Error reduction: the measured magnitudes and the phases of the estimate, by turns.

    R. Gerchberg, W. Saxton, "A Practical Algorithm for the Determination of Phase from
    Image and Diffraction Plane Pictures", Optik, 1972.
    """

    name = "error_reduction"
    needs = {"magnitudes", "known operator", "2d"}
    parameters = {
        "start": Choice(["flat"], "The first estimate.", STARTS),
        "iterations": iterations(300),
    }
    test_config = {"dataset": {"name": "coded_diffraction"}, "iterations": 20}

    def build(self, example, **settings):
        return partial(error_reduction, **settings)
