from functools import partial

from benchmark_inverse_problems import Choice, IterativeSolver, Number, iterations
from benchmark_inverse_problems.methods.phase_retrieval import STARTS, raar


class Solver(IterativeSolver):
    """Relaxed averaged alternating reflections, for phase retrieval.

    D. R. Luke, "Relaxed Averaged Alternating Reflections for Diffraction Imaging",
    Inverse Problems, 2005.
    """

    name = "raar"
    needs = {"magnitudes", "known operator", "2d"}
    parameters = {
        "start": Choice(["flat"], "The first estimate.", STARTS),
        "beta": Number([0.8], "Relaxation.", above=0, most=1),
        "iterations": iterations(300),
    }
    test_config = {"dataset": {"name": "coded_diffraction"}, "iterations": 20}

    def build(self, example, **settings):
        return partial(raar, **settings)
