from functools import partial

from benchmark_inverse_problems import IterativeSolver, Number, fitting
from benchmark_inverse_problems.methods.fitting import architecture, from_noise
from benchmark_inverse_problems.methods.phase_retrieval import from_amplitudes
from benchmark_inverse_problems.methods.stopping import RULES, unsupported_rule
from benchmark_inverse_problems.networks.skip_network import SIZES, SkipNetwork


class Solver(IterativeSolver):
    """Deep image prior: a new network, fitted to the measurement alone.

    D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", CVPR 2018. The fit stops
    where the residual is as small as the noise. If no noise is stated, it stops as in
    H. Wang et al., "Early Stopping for Deep Image Prior", TMLR 2023
    (stopping=variance). In phase retrieval it fits the amplitudes. The paper's setting for denoising is
    dip[size=original,iterations=3000,jitter=0.033,average=0.99,stopping=none].
    """

    name = "dip"
    needs = {"differentiable", "known operator"}
    parameters = {
        **fitting(SIZES, RULES, average=0.98),
        "jitter": Number([0.01], "Noise of the input at each iteration.", least=0),
    }
    test_config = {"iterations": 100, "average": 0.9, "tv_weight": 1.0}

    def unsupported(self, example):
        return unsupported_rule(self.stopping, example.physics)

    def build(self, example, size, **fitting):
        bounded = not example.complex
        network = architecture(SkipNetwork, SIZES, size, bounded=bounded)
        self.count(network, example.shape[1:])
        bfloat16 = self.precision == "bfloat16"
        method = partial(from_noise, network=network, bfloat16=bfloat16, **fitting)
        if "magnitudes" in example.offers:
            return partial(from_amplitudes, method=method)
        return method
