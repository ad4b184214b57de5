from functools import partial

from benchmark_inverse_problems import (
    Choice,
    IterativeSolver,
    Number,
    iterations,
    precision,
)
from benchmark_inverse_problems.methods.edip import STARTS, edip, load_unet
from benchmark_inverse_problems.networks.unet import SIZES
from benchmark_inverse_problems.physics.facts import family


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
    needs = {"linear", "known operator", "real"}
    parameters = {
        "weights": Choice(["bundled"], "The authors published no weights."),
        "size": Choice(["compact"], "Size of the network.", SIZES),
        "input": Choice(["pseudoinverse"], "Input of the network.", STARTS),
        "frozen_encoder": Choice(
            [False], "Whether only the decoder is fitted.", [False, True]
        ),
        "lr": Number([3e-4], "Learning rate.", above=0),
        "iterations": iterations(200),
        "tv_weight": Number(
            ["auto"],
            "Weight of the total variation.",
            "noise levels",
            least=0,
            words=["auto"],
        ),
        "precision": precision("bfloat16"),
    }
    test_config = {"iterations": 20}

    def unsupported(self, example):
        if len(example.shape) == 4:
            return None
        if family(example.physics) != "cone_beam":
            return "has learned volumes of cone-beam tomography only"
        return None if self.size == "compact" else "has size=compact for volumes only"

    def build(self, example, weights, size, input, **fitting):
        channels = example.shape[1]
        network = load_unet(weights, example.physics, channels, size)
        self.place(network)  # on the device, and counted
        bfloat16 = self.precision == "bfloat16"
        return partial(edip, network=network, start=input, bfloat16=bfloat16, **fitting)
