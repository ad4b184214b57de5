from functools import partial

from benchmark_inverse_problems import ReconstructionSolver, prior_weight
from benchmark_inverse_problems.methods.nonlinear import variation_of_any
from benchmark_inverse_problems.methods.total_variation import total_variation
from benchmark_inverse_problems.physics.noise import relative_weight


class Solver(ReconstructionSolver):
    """Least squares plus w times the total variation, solved to a stated tolerance.

    L. Rudin, S. Osher, E. Fatemi, "Nonlinear Total Variation Based Noise Removal
    Algorithms", 1992. The algorithm is that of A. Chambolle and T. Pock, "A First-Order
    Primal-Dual Algorithm for Convex Problems", 2011, or FISTA where the proximal
    operator of the data term has no closed form. Where the operator is not linear it is
    that of `gauss_newton`. w is `weight` times the noise level.
    """

    name = "tv"
    needs = {"differentiable", "known operator"}
    parameters = {"weight": prior_weight(0.5, "noise levels")}

    def build(self, example, weight):
        if "linear" in example.offers:
            return relative_weight(total_variation, weight)
        return partial(variation_of_any, shape=example.shape, weight=weight)
