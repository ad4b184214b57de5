from functools import partial

from benchmark_inverse_problems.methods.total_variation import total_variation
from benchmark_inverse_problems.solver import ReconstructionSolver


class Solver(ReconstructionSolver):
    """argmin_x 1/2 |Ax - y|^2 + weight TV(x), solved to a stated tolerance.

    L. Rudin, S. Osher, E. Fatemi, "Nonlinear Total Variation Based Noise Removal
    Algorithms", 1992; algorithm: L. Condat, "A Primal-Dual Splitting Method", 2013.
    """

    name = "tv"
    parameters = {"weight": ["tuned"]}
    grid = {"weight": [0.001, 0.002, 0.004, 0.008, 0.016, 0.03, 0.06, 0.12, 0.25]}

    def build(self, weight):
        return partial(total_variation, weight=weight)
