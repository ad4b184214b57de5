from benchmark_inverse_problems.solver import ReconstructionSolver


class Solver(ReconstructionSolver):
    """x_hat = A^T y: the adjoint, or matched filter, as the lower baseline.

    S. Mallat, "A Wavelet Tour of Signal Processing", 3rd edition, 2009, chapter 13.
    """

    name = "adjoint"

    def build(self):
        return lambda y, physics: physics.A_adjoint(y)
