from benchmark_inverse_problems import ReconstructionSolver


class Solver(ReconstructionSolver):
    """x_hat = A^T y: the adjoint, or matched filter, as the lower baseline.

    S. Mallat, "A Wavelet Tour of Signal Processing", 3rd edition, 2009, chapter 13.
    """

    name = "adjoint"
    needs = {"linear", "known operator"}

    def build(self, example):
        return lambda y, physics: physics.A_adjoint(y)
