from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    CalibratedSolver,
    Choice,
    Number,
    calibration,
    precision,
)
from benchmark_inverse_problems.methods.bootstrap import TRANSFORMS, bootstrap
from benchmark_inverse_problems.networks.ram import PUBLISHED, load_ram


class Solver(CalibratedSolver):
    """RAM with the spread of the equivariant bootstrap.

    J. Tachella, M. Pereyra, "Equivariant Bootstrapping for Uncertainty Quantification in
    Imaging Inverse Problems", AISTATS 2024. The estimate is that of `ram`. It is
    transformed, measured and restored again and again; the errors of this are the spread.
    They are too small, because the estimate is smoother than an image:
    `calibration=tuned` corrects them by one factor from the tuning set.
    """

    name = "ram_bootstrap"
    needs = {"linear", "known operator", "2d"}
    parameters = {
        "weights": WEIGHTS,
        "transform": Choice(["flips"], "Transforms of the estimate.", TRANSFORMS),
        "samples": Number([25], "Samples of the error.", least=1, whole=True),
        "calibration": calibration(),
        "precision": precision(),
    }
    published = (PUBLISHED,)
    test_config = {"samples": 2}

    def build(self, example, weights, calibration, **settings):
        network = self.place(load_ram(weights, "full", self.name))
        factor = 1.0 if calibration == "none" else calibration
        return partial(bootstrap, network=network, factor=factor, **settings)
