from benchmark_inverse_problems import ReconstructionSolver, prior_weight
from benchmark_inverse_problems.methods.nonlinear import linearised


class Solver(ReconstructionSolver):
    """Least squares for the operator's linear part at x = 0, with a quadratic prior.

    M. Born, "Quantenmechanik der Stossvorgaenge", Zeitschrift fuer Physik, 1926, for
    scattering; A. Tikhonov, 1963, for the prior. What all other methods must improve on.
    """

    name = "linearised"
    needs = {"not linear", "known operator", "2d"}
    parameters = {"weight": prior_weight(1.0, "noise levels")}
    test_config = {"dataset": {"name": "scattering"}, "weight": 1.0}

    def build(self, example, weight):
        return lambda y, physics: linearised(y, physics, example.shape, weight)
