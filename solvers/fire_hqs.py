from functools import partial

from benchmark_inverse_problems import IterativeSolver
from benchmark_inverse_problems.methods.fire import fire_hqs
from benchmark_inverse_problems.methods.restoration_models import (
    CHECKPOINTS,
    restoration_models,
)
from benchmark_inverse_problems.networks.ram import unsupported_precision


class Solver(IterativeSolver):
    """Fixed-point restoration priors by half-quadratic splitting.

    M. Terris, U. Kamilov, T. Moreau, "FiRe: Fixed-points of Restoration Priors for
    Solving Inverse Problems", CVPR 2025. `prior` is denoiser, jpeg, gaussian, motion,
    sr2, missing, measurements (D = A), or several of them joined by -. Several priors
    share gamma equally. `strength` is a factor of the noise of the degradations, and of
    the errors that remain after restoration.
    """

    name = "fire_hqs"
    parameters = {
        "prior": ["tuned"],
        "weights": ["auto"],
        "strength": ["tuned"],
        "gamma": ["tuned"],
        "lambda_": ["tuned"],
        "iterations": [20],
        "average": [0.7],
        "feedback": [False],
        "shift": [0.0],
        "error": [0.025],
        "precision": ["float32"],
    }
    grid = {
        # Ours and the paper's.
        "prior": ["denoiser-motion", "denoiser-jpeg-sr2-gaussian-motion"],
        "strength": [0.3, 1.0],
        "gamma": [1.0, 1.3],
        "lambda_": [0.02, 0.04, 0.08],
    }
    test_config = {
        "prior": "denoiser-motion",
        "strength": 1.0,
        "gamma": 1.0,
        "lambda_": 0.01,
        "iterations": 4,
    }
    published = CHECKPOINTS

    def unsupported(self, example):
        return unsupported_precision(self.weights, self.precision)

    def build(self, example, prior, weights, gamma, strength, **settings):
        models = restoration_models(prior, weights, example, self, strength)
        settings |= {"gammas": [gamma / len(models)] * len(models)}
        return partial(fire_hqs, models=models, strength=strength, **settings)
