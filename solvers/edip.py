from functools import partial

from deepinv.physics import MRI

from benchmark_inverse_problems.methods.edip import edip, load_unet
from benchmark_inverse_problems.solver import IterativeSolver


class Solver(IterativeSolver):
    """Educated deep image prior: a pretrained U-Net, fitted to the measurement.

    R. Barbano et al., "An Educated Warm Start for Deep Image Prior-Based Micro CT
    Reconstruction", IEEE Transactions on Computational Imaging, 2022. One network was
    trained on random ellipses, for tomography, and one on pictures. `input=noise` and
    `frozen_encoder` are the paper's variants; the paper's own setting is
    edip[size=original,lr=0.0001,iterations=10000], after training that size.
    """

    name = "edip"
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

    def unsupported(self, physics):
        if isinstance(physics, MRI):
            return "has networks for gray and colour images only"
        return None

    def build(self, weights, size, input, **fitting):
        _, physics, _ = self.observations[0]
        network = load_unet(weights, physics, self.channels, size)
        self.place(network)  # on the device, and counted
        bfloat16 = self.precision == "bfloat16"
        return partial(edip, network=network, start=input, bfloat16=bfloat16, **fitting)
