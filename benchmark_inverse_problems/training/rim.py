"""Recurrent inference machines: one for pictures, three for random projections."""

from functools import lru_cache, partial

import deepinv as dinv
import numpy as np

from ..methods.rim import rim
from ..networks.rim import RIM, VARIANTS
from ..physics.operators.random_projection import projection_norm, random_projection
from ..problems.images import PATCH
from .data import validation_rng
from .loop import Recipe, autocast, device_of, mean_psnr
from .random_problems import measure

BATCH = 16
SIGMA_MAX = 55 / 255
FACTORS = (2, 3, 4)
RATIOS = (0.1, 0.5)
VALIDATION_CROP = 96


@lru_cache
def downsampling(factor):
    return dinv.physics.DownsamplingMatlab(factor=factor)


def denoising(rng, x):
    """Gaussian noise of any level. Half of the batches are rounded to 8 bits."""
    sigma = rng.uniform(0, SIGMA_MAX, len(x))
    y, physics, *levels = measure(rng, dinv.physics.Denoising(), x, sigma)
    if rng.uniform() < 0.5:
        y = (255 * y).round().clamp(0, 255) / 255
    return y, physics, *levels


def super_resolution(rng, x, factor=None):
    """MATLAB's bicubic down-sampling without noise."""
    factor = factor or FACTORS[rng.randint(len(FACTORS))]
    return measure(rng, downsampling(factor), x, 0.0)


def projections(rng, x, ensemble=None, ratio=None):
    """Random projections with the noise of the paper's experiment."""
    settings = {
        "ensemble": ensemble or ("gaussian", "binary", "fourier")[rng.randint(3)],
        "ratio": ratio or rng.uniform(*RATIOS),
    }
    shape = tuple(x.shape[1:])
    physics = random_projection(shape, rng, **settings)
    norm = projection_norm(**settings, pixels=int(np.prod(shape)))
    return measure(rng, physics, x, 1 / norm)


def noisy(problem):
    """Measurements and their operator, with noise levels (B,) in its noise model."""
    y, physics, sigma, _ = problem
    physics.noise_model = dinv.physics.GaussianNoise(sigma)
    return y, physics


def picture_problem(rng, x, step):
    """Denoising in odd steps, super-resolution in even steps."""
    return (denoising if step % 2 else super_resolution)(rng, x)


def projection_problem(rng, x, step):
    return projections(rng, x)


def draw(sampler, step, problem):
    """Gray patches, and their measurements."""
    rng = sampler.rng(step)
    x = sampler.batch(rng, BATCH, channels=1)
    return x, problem(rng, x, step)


def loss(model, data, step):
    """The paper's loss: the squared errors of all steps, summed."""
    x, problem = data
    y, physics = noisy(problem)
    with autocast(x.device):
        estimates = list(rim(y, physics, model))
    return sum((estimate.float() - x).square().mean() for estimate in estimates[1:])


def validate(model, sampler, problems, crop):
    """PSNR of the last estimate on gray held-out images, for each problem."""
    x = sampler.validation(1, crop).to(device_of(model))
    scores = {}
    for name, problem in problems.items():
        y, physics = noisy(problem(validation_rng(), x))
        with autocast(x.device):
            *_, estimate = rim(y, physics, model)
        scores[name] = mean_psnr(estimate, x)
    return scores


def denoising_25(rng, x):
    return measure(rng, dinv.physics.Denoising(), x, 25 / 255)


PICTURES = {"denoise_25": denoising_25} | {
    f"sr{factor}": partial(super_resolution, factor=factor) for factor in FACTORS
}
PROJECTIONS = {
    f"{ensemble}_{ratio}": partial(projections, ensemble=ensemble, ratio=ratio)
    for ensemble in ("gaussian", "binary", "fourier")
    for ratio in (0.2, 0.4)
}
# The channels of colour images are restored one by one, as gray images.
IMAGES = ["gray", "colour"]
PICTURES_LEARNED = {
    "denoising": {"images": IMAGES, "sigma": (0, SIGMA_MAX)},
    "downsampling": {"images": IMAGES, "sigma": (0, 0), "factors": list(FACTORS)},
}
PROJECTIONS_LEARNED = {"random_projection": {"images": ["gray"]}}
RECIPES = [
    Recipe(
        "rim",
        RIM,
        partial(draw, problem=picture_problem),
        loss,
        partial(validate, problems=PICTURES, crop=VALIDATION_CROP),
        steps=10000,
        lr=1e-3,
        patch=48,
        learned=PICTURES_LEARNED,
    ),
    *(
        Recipe(
            f"{variant}_projections",
            partial(RIM, variant),
            partial(draw, problem=projection_problem),
            loss,
            partial(validate, problems=PROJECTIONS, crop=PATCH),
            steps=4000,
            lr=1e-3,
            patch=PATCH,
            learned=PROJECTIONS_LEARNED,
        )
        for variant in VARIANTS
    ),
]
