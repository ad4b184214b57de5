"""The base class of methods whose spread is corrected by one factor."""

import math

import torch

from ..judge.case import interval
from ..support.parameters import TUNED, Number
from .solver import ReconstructionSolver
from .tuning import cases, mean_psnr

# Share of the pixels of the tuning set that the intervals hold, once calibrated.
SHARE = 0.9


def calibration():
    """The parameter `calibration`."""
    number = Number(["none"], "Factor on the spread.", above=0, words=("none", TUNED))
    number.tried = f"the factor with which {SHARE:.0%} intervals hold as many pixels"
    return number


class CalibratedSolver(ReconstructionSolver):
    """A method with a spread that the parameter `calibration` multiplies.

    `build` gets it as a number, or as "none". With "tuned" the intervals of the tuning
    set are right.
    """

    def best(self, build, tuning, trials):
        found = list(cases(build(calibration=1.0), tuning, self.device))
        ratios = torch.cat([case.error_ratios() for case in found])
        factor = float(ratios.quantile(SHARE)) / interval(SHARE)
        if not math.isfinite(factor):
            raise ValueError(
                f"The spread of {self.name} is zero on more than {1 - SHARE:.0%} of the "
                "pixels of the tuning set, and no factor corrects that: use "
                "calibration=none."
            )
        return {
            "values": {"calibration": float(f"{factor:.3g}")},
            "psnr": round(mean_psnr(found), 3),
            "trials": 1,
            "around": {},
        }
