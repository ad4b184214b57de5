from functools import partial

from deepinv.physics import DecomposablePhysics

from benchmark_inverse_problems.methods.diffusion import ddrm
from benchmark_inverse_problems.methods.drunet import PUBLISHED, load_denoiser
from benchmark_inverse_problems.solver import ReconstructionSolver


class Solver(ReconstructionSolver):
    """Denoising diffusion restoration models, on a denoiser, by deepinv.

    B. Kawar, M. Elad, S. Ermon, J. Song, "Denoising Diffusion Restoration Models",
    NeurIPS 2022. For operators whose singular value decomposition deepinv knows.
    """

    name = "ddrm"
    parameters = {
        "weights": ["auto"],
        "steps": [30],
        "eta": [0.85],
        "precision": ["float32"],
    }
    # Fresh noise makes much of the rounding of bfloat16, which a test looks at.
    test_config = {"steps": 10, "eta": 0.0}
    published = tuple(PUBLISHED.values())

    def unsupported(self, physics):
        if isinstance(physics, DecomposablePhysics):
            return None
        name = type(physics).__name__
        return f"needs an operator with a singular value decomposition, not {name}"

    def build(self, weights, steps, eta):
        denoiser = self.place(load_denoiser(weights, self.channels, self.name))
        return partial(ddrm, denoiser=denoiser, steps=steps, eta=eta)
