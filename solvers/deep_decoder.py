from functools import partial

from benchmark_inverse_problems import IterativeSolver, fitting
from benchmark_inverse_problems.methods.fitting import architecture, from_noise
from benchmark_inverse_problems.methods.phase_retrieval import from_amplitudes
from benchmark_inverse_problems.methods.stopping import RULES, unsupported_rule
from benchmark_inverse_problems.networks.deep_decoder import SIZES, DeepDecoder


class Solver(IterativeSolver):
    """Deep decoder: a new network with fewer parameters than pixels, fitted to y.

    R. Heckel, P. Hand, "Deep Decoder: Concise Image Representations from Untrained
    Non-convolutional Networks", ICLR 2019. It fits the noise late. It is stopped like
    `dip`. In phase retrieval it fits the amplitudes. The paper's setting is
    deep_decoder[size=original,iterations=5000,stopping=none].
    """

    name = "deep_decoder"
    needs = {"differentiable", "known operator", "2d"}
    parameters = fitting(SIZES, RULES, average=0.95)
    test_config = {"iterations": 100, "tv_weight": 1.0}

    def unsupported(self, example):
        return unsupported_rule(self.stopping, example.physics)

    def build(self, example, size, **fitting):
        bounded = not example.complex
        network = architecture(DeepDecoder, SIZES, size, bounded=bounded)
        self.count(network, example.shape[1:])
        bfloat16 = self.precision == "bfloat16"
        method = partial(from_noise, network=network, bfloat16=bfloat16, **fitting)
        if "magnitudes" in example.offers:
            return partial(from_amplitudes, method=method)
        return method
