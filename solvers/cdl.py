from functools import partial

from benchmark_inverse_problems import (
    Choice,
    Number,
    ReconstructionSolver,
    iterations,
)
from benchmark_inverse_problems.methods.dictionary import (
    SIDE,
    STARTS,
    STEPS,
    convolutional_dictionary,
)
from benchmark_inverse_problems.physics.noise import relative_weight


class Solver(ReconstructionSolver):
    """A convolutional dictionary, learned on the measurement itself.

    B. Wohlberg, "Efficient Algorithms for Convolutional Sparse Representations", IEEE
    Transactions on Image Processing, 2016, has the model. Here the atoms see an image
    through the operator only. The weight of the l1 norm of the codes is `weight` times
    the noise level. `steps=0` keeps the first atoms.
    """

    name = "cdl"
    parameters = {
        "weight": Number(
            [1.0], "Weight of the prior.", "noise levels", above=0, start=1.0
        ),
        "atoms": Number(
            [24],
            f"Atoms of {SIDE}x{SIDE} pixels.",
            least=1,
            most=SIDE**2,
            whole=True,
        ),
        "start": Choice(["dct"], "Atoms to start at.", STARTS),
        "steps": iterations(STEPS),
    }
    test_config = {"steps": 5}

    def unsupported(self, example):
        small = min(example.shape[2:]) < SIDE
        return f"needs images of at least {SIDE}x{SIDE} pixels" if small else None

    def build(self, example, weight, **settings):
        return relative_weight(partial(convolutional_dictionary, **settings), weight)
