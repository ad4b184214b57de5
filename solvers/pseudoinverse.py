from benchmark_inverse_problems.methods.linear import pseudoinverse
from benchmark_inverse_problems.solver import ReconstructionSolver


class Solver(ReconstructionSolver):
    """x_hat = A^+ y: the least-squares solution of least norm.

    R. Penrose, "A Generalized Inverse for Matrices", 1955. It fits the noise too.
    """

    name = "pseudoinverse"

    def build(self):
        return pseudoinverse
