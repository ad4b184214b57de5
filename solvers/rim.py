from functools import partial

from benchmark_inverse_problems import Choice, IterativeSolver, iterations, precision
from benchmark_inverse_problems.methods.rim import is_projection, load_rim, rim
from benchmark_inverse_problems.networks.rim import VARIANTS


class Solver(IterativeSolver):
    """Recurrent inference machine: a recurrent network that learns to descend.

    P. Putzky, M. Welling, "Recurrent Inference Machines for Solving Inverse Problems",
    2017 (arXiv 1706.04008). It runs 30 steps, three times those of its training. The
    variants gdn and ffn are the paper's reductions, trained for random projections
    only. gdn does not see its estimate, and ffn has no state.
    """

    name = "rim"
    needs = {"linear", "known operator", "2d", "real"}
    parameters = {
        "variant": Choice(["rim"], "The network, or a reduction of it.", VARIANTS),
        "iterations": iterations(30),
        "precision": precision(),
    }
    end_to_end = {"iterations": 10}

    def unsupported(self, example):
        if self.variant != "rim" and not is_projection(example.physics):
            return f"has no network variant={self.variant} but for random projections"
        return None

    def build(self, example, variant, iterations):
        network = self.place(load_rim(variant, example.physics))
        return partial(rim, network=network, iterations=iterations)
