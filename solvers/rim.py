from functools import partial

from deepinv.physics import MRI

from benchmark_inverse_problems.methods.rim import is_projection, load_rim, rim
from benchmark_inverse_problems.solver import IterativeSolver


class Solver(IterativeSolver):
    """Recurrent inference machine: a recurrent network that learns to descend.

    P. Putzky, M. Welling, "Recurrent Inference Machines for Solving Inverse Problems",
    2017 (arXiv 1706.04008). It runs three times the ten steps that it was trained for.
    `variant` gdn (does not see its estimate) and ffn (has no state) are the paper's
    reductions, trained for random projections only.
    """

    name = "rim"
    parameters = {"variant": ["rim"], "iterations": [30], "precision": ["float32"]}
    end_to_end = {"iterations": 10}

    def unsupported(self, physics):
        if isinstance(physics, MRI):
            return "reconstructs values between 0 and 1: it has no complex images"
        if self.variant != "rim" and not is_projection(physics):
            return f"has no network variant={self.variant} but for random projections"
        return None

    def build(self, variant, iterations):
        _, physics, _ = self.observations[0]
        network = self.place(load_rim(variant, physics))
        return partial(rim, network=network, iterations=iterations)
