from benchmark_inverse_problems import (
    WEIGHTS,
    Choice,
    Number,
    ReconstructionSolver,
    iterations,
    precision,
)
from benchmark_inverse_problems.methods.finetuning import (
    EQUIVARIANCES,
    LOSSES,
    fine_tune,
)
from benchmark_inverse_problems.networks.ram import PUBLISHED, load_ram


class Solver(ReconstructionSolver):
    """RAM, fitted to the measurements alone before it reconstructs.

    M. Terris, S. Hurault, M. Song, J. Tachella, "Reconstruct Anything Model: a
    Lightweight Foundation Model for Computational Imaging", ICLR 2026. The losses are
    deepinv's: SURE, UNSURE, R2R, splitting, each with equivariant imaging where the
    operator has a null space. A part of each measurement is held out and ends the fit.
    """

    name = "ram_finetuned"
    parameters = {
        "weights": WEIGHTS,
        "loss": Choice(["auto"], "Loss of the measurements.", LOSSES),
        "equivariance": Choice(
            ["auto"], "Loss of what is not measured.", EQUIVARIANCES
        ),
        "measurements": Choice(
            [1], "What is fitted: each image's own, or those of all images.", [1, "all"]
        ),
        "steps": iterations(200),
        "lr": Number([3e-4], "Learning rate.", above=0),
        "precision": precision("bfloat16"),
    }
    published = (PUBLISHED,)
    test_config = {"steps": 5}

    def fit(self, observations):
        if self.measurements == "all":
            pairs = [(o.y, o.physics) for o in observations]
            self.fitted, _ = self.tune(pairs)

    def build(self, example, weights, loss, equivariance, measurements, steps, lr):
        network = load_ram(weights, "full", self.name).to(example.y.device).eval()
        self.networks.append(network)

        def tune(pairs):
            bfloat16 = self.precision == "bfloat16"
            return fine_tune(network, pairs, loss, equivariance, steps, lr, bfloat16)

        self.tune, self.fitted = tune, network

        def reconstruct(y, physics):
            fitted = tune([(y, physics)])[0] if measurements == 1 else self.fitted
            return fitted(y, physics)

        return reconstruct
