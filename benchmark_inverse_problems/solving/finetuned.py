"""The base class of networks that are fitted to the measurements before they are used."""

import torch

from ..methods.finetuning import EQUIVARIANCES, LOSSES, LR, STEPS, fine_tune
from ..support.parameters import Choice, Number
from .declared import iterations, precision
from .solver import ReconstructionSolver


def finetuning():
    """The parameters of a fit to measurements alone."""
    return {
        "loss": Choice(["auto"], "Loss of the measurements.", LOSSES),
        "equivariance": Choice(
            ["auto"], "Loss of what is not measured.", EQUIVARIANCES
        ),
        "measurements": Choice(
            [1], "What is fitted: each image's own, or those of all images.", [1, "all"]
        ),
        "steps": iterations(STEPS),
        "lr": Number([LR], "Learning rate.", above=0, start=LR, ratio=2),
        "precision": precision("bfloat16"),
    }


class FinetunedSolver(ReconstructionSolver):
    """A network that is fitted to measurements, see `methods.finetuning`.

    A subclass states `name`, `parameters` with those of `finetuning`, and writes
    `load`. With ``measurements=1`` each image has a copy of its own, and the fit is in
    its runtime. With ``all`` one copy is fitted to the measurements of all images.
    """

    def load(self, **parameters):
        """Return the network, from the parameters that are not those of `finetuning`."""
        raise NotImplementedError

    def fit(self, observations):
        if self.measurements == "all":
            pairs = [(o.y, o.physics) for o in observations]
            self.fitted, _ = self.tune(pairs)

    def build(self, example, loss, equivariance, measurements, steps, lr, **parameters):
        network = self.load(**parameters).to(example.y.device).eval()
        self.networks.append(network)
        bfloat16 = self.precision == "bfloat16"

        def tune(pairs):
            return fine_tune(network, pairs, loss, equivariance, steps, lr, bfloat16)

        self.tune, self.fitted = tune, network

        def reconstruct(y, physics):
            fitted = tune([(y, physics)])[0] if measurements == 1 else self.fitted
            with torch.autocast(y.device.type, torch.bfloat16, enabled=bfloat16):
                return fitted(y, physics).float()

        return reconstruct
