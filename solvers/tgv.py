from functools import partial

from benchmark_inverse_problems import ReconstructionSolver, iterations, prior_weight
from benchmark_inverse_problems.methods.generalised_variation import (
    total_generalised_variation,
)
from benchmark_inverse_problems.physics.noise import relative_weight


class Solver(ReconstructionSolver):
    """Least squares plus w times the total generalised variation of order two, solved.

    K. Bredies, K. Kunisch, T. Pock, "Total Generalized Variation", SIAM Journal on
    Imaging Sciences, 2010. The algorithm and its tolerance are those of `tv`. w is
    `weight` times the noise level.
    """

    name = "tgv"
    needs = {"linear", "known operator"}
    parameters = {
        "weight": prior_weight(0.5, "noise levels"),
        "iterations": iterations(1000),
    }
    test_config = {"weight": 0.5, "iterations": 50}

    def build(self, example, weight, iterations):
        solve = partial(total_generalised_variation, max_iter=iterations)
        return relative_weight(solve, weight)
