from benchmark_inverse_problems import ReconstructionSolver
from benchmark_inverse_problems.methods.baselines import pseudoinverse


class Solver(ReconstructionSolver):
    """x_hat = A^+ y: the least-squares solution of least norm.

    R. Penrose, "A Generalized Inverse for Matrices", 1955. It fits the noise too.
    """

    name = "pseudoinverse"
    needs = {"linear", "known operator"}

    def build(self, example):
        return pseudoinverse
