from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    Choice,
    IterativeSolver,
    Number,
    iterations,
    precision,
)
from benchmark_inverse_problems.methods.fire import fire_hqs
from benchmark_inverse_problems.methods.restoration_models import (
    BUNDLED,
    CHECKPOINTS,
    restoration_models,
)


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
        "prior": Choice(
            ["tuned"],
            "The restoration models.",
            BUNDLED,
            joined=True,
            # Ours and the paper's.
            tried=["denoiser-motion", "denoiser-jpeg-sr2-gaussian-motion"],
        ),
        "weights": WEIGHTS,
        # The networks are trained for degradations of strength 1 and weaker ones.
        "strength": Number(
            ["tuned"],
            "Factor of the noise of the degradations.",
            above=0,
            most=1,
            start=0.5,
            ratio=2,
        ),
        "gamma": Number(
            ["tuned"],
            "Sum of the weights of the models.",
            above=0,
            most=2,
            start=1,
            ratio=1.3,
        ),
        "lambda_": Number(
            ["tuned"],
            "Squared error that the prior's step is assumed to have.",
            above=0,
            start=0.04,
        ),
        "iterations": iterations(20),
        "average": Number(
            [0.7], "Share of the iterations that are averaged.", least=0, most=1
        ),
        "feedback": Choice(
            [False], "Whether iterations start from the average.", [False, True]
        ),
        "shift": Number(
            [0.0], "Largest random shift, a share of the side.", least=0, most=1
        ),
        "turned": Choice(
            [False], "Whether models see the image turned at random.", [False, True]
        ),
        "fall": Number([1.0], "Factor of the first iteration's strength.", above=0),
        "error": Number(
            [0.025],
            "Error that the average is assumed to have. None: the root of lambda_.",
            above=0,
            words=[None],
        ),
        "precision": precision(),
    }
    test_config = {
        "prior": "denoiser-motion",
        "strength": 1.0,
        "gamma": 1.0,
        "lambda_": 0.01,
        "iterations": 4,
    }
    published = CHECKPOINTS

    def build(self, example, prior, weights, gamma, strength, **settings):
        models = restoration_models(prior, weights, example, self, strength)
        settings |= {"gammas": [gamma / len(models)] * len(models)}
        return partial(fire_hqs, models=models, strength=strength, **settings)
