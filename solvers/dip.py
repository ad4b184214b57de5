from functools import partial

from benchmark_inverse_problems.methods.skip_network import SIZES, SkipNetwork
from benchmark_inverse_problems.methods.stopping import unsupported_rule
from benchmark_inverse_problems.methods.untrained import architecture, from_noise
from benchmark_inverse_problems.solver import IterativeSolver


class Solver(IterativeSolver):
    """Deep image prior: a new network, fitted to the measurement alone.

    D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", CVPR 2018, stopped where the
    residual is as small as the noise, and where no noise is stated as in H. Wang et al.,
    "Early Stopping for Deep Image Prior", TMLR 2023 (stopping=variance). The paper's
    denoising is
    dip[size=original,iterations=3000,jitter=0.033,average=0.99,stopping=none].
    """

    name = "dip"
    parameters = {
        "size": ["compact"],
        "stopping": ["auto"],
        "iterations": [1000],
        "lr": [0.01],
        "jitter": [0.01],
        "average": [0.98],
        "tv_weight": [0.0],
        "patience": [200],
        "precision": ["bfloat16"],
    }
    test_config = {"iterations": 100, "average": 0.9, "tv_weight": 1.0}

    def unsupported(self, physics):
        return unsupported_rule(self.stopping, physics)

    def build(self, size, **fitting):
        network = architecture(SkipNetwork, SIZES, size)
        self.place(network(self.observations[0][2][1:]))  # counts its parameters
        bfloat16 = self.precision == "bfloat16"
        return partial(from_noise, network=network, bfloat16=bfloat16, **fitting)
