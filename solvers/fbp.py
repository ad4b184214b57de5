from functools import partial

from benchmark_inverse_problems import Choice, ReconstructionSolver
from benchmark_inverse_problems.methods.back_projection import (
    WINDOWS,
    filtered_back_projection,
)


class Solver(ReconstructionSolver):
    """Filtered back-projection of parallel beams, by deepinv, with a window on its ramp.

    A. Kak, M. Slaney, "Principles of Computerized Tomographic Imaging", 1988, chapter 3.
    `fdk` is its like for cone beams.
    """

    name = "fbp"
    needs = {"linear", "known operator", "tomography"}
    parameters = {
        "window": Choice(["hann"], "Factor of the ramp filter.", WINDOWS),
    }
    test_config = {"dataset": {"name": "phantom_ct"}}

    def build(self, example, window):
        return partial(filtered_back_projection, window=window)
