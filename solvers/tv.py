from benchmark_inverse_problems.methods.initial import relative_weight
from benchmark_inverse_problems.methods.total_variation import total_variation
from benchmark_inverse_problems.solver import ReconstructionSolver


class Solver(ReconstructionSolver):
    """argmin_x 1/2 |Ax - y|^2 + w TV(x), solved to a stated tolerance.

    L. Rudin, S. Osher, E. Fatemi, "Nonlinear Total Variation Based Noise Removal
    Algorithms", 1992; algorithm: A. Chambolle and T. Pock, "A First-Order
    Primal-Dual Algorithm for Convex Problems", 2011. w is `weight` times the noise
    level.
    """

    name = "tv"
    parameters = {"weight": ["tuned"]}
    grid = {"weight": [0.01, 0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 2.0]}

    def build(self, weight):
        return relative_weight(total_variation, weight)
