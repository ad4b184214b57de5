from functools import partial

from benchmark_inverse_problems import IterativeSolver, Number, iterations
from benchmark_inverse_problems.methods.positive import sirt


class Solver(IterativeSolver):
    """Simultaneous iterative reconstruction, stopped when the residual is the noise.

    P. Gilbert, "Iterative Methods for the Three-Dimensional Reconstruction of an Object
    from Projections", Journal of Theoretical Biology, 1972. The rule is that of V.
    Morozov, "On the Solution of Functional Equations by the Method of Regularization",
    1966.
    """

    name = "sirt"
    needs = {"linear", "known operator", "sums of pixels", "real"}
    parameters = {
        "iterations": iterations(300),
        "relaxation": Number([1.0], "Size of a step.", above=0, most=1.99),
    }
    test_config = {"iterations": 20, "dataset": {"name": "phantom_ct"}}

    def build(self, example, **settings):
        return partial(sirt, **settings)
