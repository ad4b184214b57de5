from functools import partial

from benchmark_inverse_problems import ReconstructionSolver, iterations
from benchmark_inverse_problems.methods.baselines import conjugate_gradients


class Solver(ReconstructionSolver):
    """Conjugate gradients on the normal equations, stopped before they fit the noise.

    M. Hestenes, E. Stiefel, "Methods of Conjugate Gradients for Solving Linear Systems",
    1952. With several coils this is CG-SENSE: K. Pruessmann et al., "Advances in
    Sensitivity Encoding With Arbitrary k-Space Trajectories", 2001.
    """

    name = "cg"
    needs = {"linear", "known operator"}
    parameters = {"iterations": iterations("tuned", start=8)}

    def build(self, example, iterations):
        return partial(conjugate_gradients, iterations=iterations)
