"""The base class of methods whose spread is corrected by one factor."""

import math

from ..judge.case import interval
from ..support.parameters import TUNED, Number
from .solver import ReconstructionSolver
from .tuning import cases, mean_psnr

# Share of the pixels of each tuning image that the intervals hold, once calibrated.
SHARE = 0.9


def calibration():
    """The parameter `calibration`."""
    number = Number(["none"], "Factor on the spread.", above=0, words=("none", TUNED))
    number.tried = (
        f"the least factor with which {SHARE:.0%} intervals hold as many pixels of each "
        "tuning image"
    )
    return number


class CalibratedSolver(ReconstructionSolver):
    """A method with a spread that the parameter `calibration` multiplies.

    `build` gets it as a number, or as "none". With "tuned" it is the largest factor that
    one of the tuning images needs. Split conformal prediction takes a high quantile over
    images, too: with n images the largest is enough for a new one with probability
    n / (n + 1). See A. N. Angelopoulos and S. Bates, "Conformal Prediction: A Gentle
    Introduction", Foundations and Trends in Machine Learning, 2023.
    """

    def best(self, build, tuning, trials, start=None):
        found = list(cases(build(calibration=1.0), tuning, self.device))
        needed = [float(case.error_ratios().quantile(SHARE)) for case in found]
        factor = max(needed) / interval(SHARE)
        if not math.isfinite(factor):
            raise ValueError(
                f"The spread of {self.name} is zero on more than {1 - SHARE:.0%} of the "
                "pixels of a tuning image, and no factor corrects that: use "
                "calibration=none."
            )
        return {
            "values": {"calibration": float(f"{factor:.3g}")},
            "psnr": round(mean_psnr(found), 3),
            "trials": 1,
            "around": {},
        }
