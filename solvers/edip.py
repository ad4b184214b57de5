from functools import partial

from benchmark_inverse_problems import IterativeSolver
from benchmark_inverse_problems.methods.edip import edip, load_unet


class Solver(IterativeSolver):
    """Educated deep image prior: a pretrained U-Net, fitted to the measurement.

    R. Barbano et al., "An Educated Warm Start for Deep Image Prior-Based Micro CT
    Reconstruction", IEEE Transactions on Computational Imaging, 2022. The network for
    tomography was trained on random ellipses, the other one on pictures. `input=noise`
    and `frozen_encoder` are the paper's variants. The paper's own setting is
    edip[size=original,lr=0.0001,iterations=10000]. It needs a network of that size,
    which must be trained first.
    """

    name = "edip"
    needs = {"linear", "known operator", "2d", "real"}
    parameters = {
        "weights": ["bundled"],
        "size": ["compact"],
        "input": ["pseudoinverse"],
        "frozen_encoder": [False],
        "lr": [3e-4],
        "iterations": [200],
        "tv_weight": ["auto"],
        "precision": ["bfloat16"],
    }
    test_config = {"iterations": 20}

    def build(self, example, weights, size, input, **fitting):
        channels = example.shape[1]
        network = load_unet(weights, example.physics, channels, size)
        self.place(network)  # on the device, and counted
        bfloat16 = self.precision == "bfloat16"
        return partial(edip, network=network, start=input, bfloat16=bfloat16, **fitting)
