from functools import partial

from benchmark_inverse_problems.methods.deep_decoder import SIZES, DeepDecoder
from benchmark_inverse_problems.methods.stopping import unsupported_rule
from benchmark_inverse_problems.methods.untrained import architecture, from_noise
from benchmark_inverse_problems.solver import IterativeSolver


class Solver(IterativeSolver):
    """Deep decoder: a new network with fewer parameters than pixels, fitted to y.

    R. Heckel, P. Hand, "Deep Decoder: Concise Image Representations from Untrained
    Non-convolutional Networks", ICLR 2019. It fits noise late and is stopped as `dip` is.
    The paper's setting is deep_decoder[size=original,iterations=5000,stopping=none].
    """

    name = "deep_decoder"
    parameters = {
        "size": ["compact"],
        "stopping": ["auto"],
        "iterations": [1000],
        "lr": [0.01],
        "average": [0.95],
        "tv_weight": [0.0],
        "patience": [200],
        "precision": ["bfloat16"],
    }
    test_config = {"iterations": 100, "tv_weight": 1.0}

    def unsupported(self, physics):
        return unsupported_rule(self.stopping, physics)

    def build(self, size, **fitting):
        network = architecture(DeepDecoder, SIZES, size)
        self.place(network(self.observations[0][2][1:]))  # counts its parameters
        bfloat16 = self.precision == "bfloat16"
        return partial(from_noise, network=network, bfloat16=bfloat16, **fitting)
