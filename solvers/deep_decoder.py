from functools import partial

from benchmark_inverse_problems import (
    Choice,
    IterativeSolver,
    Number,
    iterations,
    precision,
)
from benchmark_inverse_problems.methods.fitting import architecture, from_noise
from benchmark_inverse_problems.methods.stopping import RULES, unsupported_rule
from benchmark_inverse_problems.networks.deep_decoder import SIZES, DeepDecoder


class Solver(IterativeSolver):
    """Deep decoder: a new network with fewer parameters than pixels, fitted to y.

    R. Heckel, P. Hand, "Deep Decoder: Concise Image Representations from Untrained
    Non-convolutional Networks", ICLR 2019. It fits the noise late. It is stopped like
    `dip`. The paper's setting is
    deep_decoder[size=original,iterations=5000,stopping=none].
    """

    name = "deep_decoder"
    parameters = {
        "size": Choice(["compact"], "Size of the network.", SIZES),
        "stopping": Choice(["auto"], "Rule that ends the fit.", RULES),
        "iterations": iterations(1000),
        "lr": Number([0.01], "Learning rate.", above=0),
        "average": Number(
            [0.95], "Share of the former average in the next one.", least=0, most=1
        ),
        "tv_weight": Number(
            [0.0], "Weight of the total variation.", "noise levels", least=0
        ),
        "patience": Number(
            [200],
            "Patience of stopping=variance.",
            "iterations",
            least=1,
            whole=True,
        ),
        "precision": precision("bfloat16"),
    }
    test_config = {"iterations": 100, "tv_weight": 1.0}

    def unsupported(self, example):
        return unsupported_rule(self.stopping, example.physics)

    def build(self, example, size, **fitting):
        bounded = not example.complex
        network = architecture(DeepDecoder, SIZES, size, bounded=bounded)
        self.count(network, example.shape[1:])
        bfloat16 = self.precision == "bfloat16"
        return partial(from_noise, network=network, bfloat16=bfloat16, **fitting)
