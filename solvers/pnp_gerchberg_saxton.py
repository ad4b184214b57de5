from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    IterativeSolver,
    Number,
    iterations,
    precision,
)
from benchmark_inverse_problems.methods.phase_retrieval import gerchberg_saxton
from benchmark_inverse_problems.networks.drunet import PUBLISHED, denoiser_for


class Solver(IterativeSolver):
    """A denoiser between the projections of Gerchberg and Saxton, for phase retrieval.

    C. Metzler et al., "prDeep: Robust Phase Retrieval with a Flexible Deep Network", ICML
    2018, has the denoiser in a proximal gradient descent. Here it follows each projection,
    at a level that falls from `start` to that of the measurement.
    """

    name = "pnp_gerchberg_saxton"
    needs = {"magnitudes", "known operator", "2d"}
    parameters = {
        "weights": WEIGHTS,
        "start": Number([0.5], "First noise level.", above=0, start=0.5, ratio=2),
        "steps": iterations(40),
        "precision": precision(),
    }
    published = tuple(PUBLISHED.values())
    test_config = {"dataset": {"name": "coded_diffraction"}, "steps": 4}

    def build(self, example, weights, **settings):
        denoiser = denoiser_for(example, weights, self)

        def restore(z, physics):
            return denoiser(physics.A_adjoint(z), physics.noise_model.sigma)

        return partial(gerchberg_saxton, restore=restore, **settings)
