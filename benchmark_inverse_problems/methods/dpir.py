"""Plug-and-play restoration by half-quadratic splitting."""

import numpy as np

from ..physics.facts import family
from ..physics.initial_estimate import initial_estimate
from ..physics.noise import noise_level
from ..physics.proximal import data_prox
from ..support.iterates import last

# Least noise level, for noiseless problems, as in the authors' code. deepinv's DPIR has
# 0.01 in its step and none in its schedule, and gives NaN.
SIGMA_MIN = 0.255 / 255
# Missing pixels or frequencies come from the denoiser alone, so more steps are needed.
ITERATIONS = {"inpainting": 24, "downsampling": 24, "mri": 48}
# Down-sampling starts farther from the truth, at a higher level.
SIGMA_MAX = {"downsampling": 0.5}


def turn(x, k):
    """Flip or rotate an image in one of eight ways, k = 0 to 7.

    Returns
    -------
    turned : tensor
    undo : callable
        The inverse of the turn.
    """
    flips = [dim for bit, dim in ((1, -1), (2, -2)) if k & bit]
    if k & 4:
        return x.flip(flips).mT, lambda z: z.mT.flip(flips)
    return x.flip(flips), lambda z: z.flip(flips)


def scaled(denoiser, strength):
    """A denoiser that is told `strength` times the noise level."""
    return lambda x, sigma: denoiser(x, strength * sigma)


def denoised(denoiser, strength=1.0):
    """The method that denoises measurements whose operator is the identity.

    The denoiser is told `strength` times `noise_level(physics, y)`, at least `SIGMA_MIN`.
    """
    told = scaled(denoiser, strength)
    return lambda y, physics: told(y, max(noise_level(physics, y), SIGMA_MIN))


def dpir(y, physics, denoiser, **settings):
    """The last estimate of `half_quadratic_splitting`, (1, C, H, W)."""
    iterates = half_quadratic_splitting(y, physics, denoiser, **settings)
    return last(iterates)


def half_quadratic_splitting(
    y, physics, denoiser, lambda_=0.23, last=1.0, iterations=None, sigma_max=None
):
    """Deep plug-and-play image restoration (Zhang et al., TPAMI 2021).

    From `initial_estimate`, for sigma_k log-spaced from `sigma_max` to `last * sigma`:

        x <- argmin_x 1/2 ||A x - y||^2 + lambda (sigma / sigma_k)^2 / 2 ||x - x_k||^2
        x <- denoiser(x, sigma_k)

    As in the authors' code, each denoising uses another of the eight flips and
    rotations. Pure denoising is one call of the denoiser at `sigma`, because it has no
    operator to invert. Where A is not linear, its norm is that of its Jacobian, and the
    first minimum is the Gauss-Newton step of `data_prox`.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, H, W) with values about [0, 1].
    physics : deepinv.physics.Physics
        The operator A of norm about one, with its noise model; sigma is `noise_level(physics, y)`, at
        least `SIGMA_MIN`.
    denoiser : callable
        `denoiser(x, sigma)` for images like A^T y.
    lambda_ : float
        Weight of the prior.
    last : float
        Last denoising level in units of sigma, at least 1. For an operator with a large
        null space the error of the estimate is larger than the noise. A last level
        above 1 then removes more of it.
    iterations : int or None
        Steps. None: 24 for inpainting and down-sampling, 48 for MRI, 8 elsewhere.
    sigma_max : float or None
        First denoising level. None: 0.5 for down-sampling, 49/255 elsewhere.

    Yields
    ------
    Tensor
        The initial estimate (1, C, H, W), then one after each iteration.

    Raises
    ------
    ValueError
        If `iterations` is below 1 or `last` below 1.
    """
    kind = family(physics)
    if iterations is None:
        iterations = ITERATIONS.get(kind, 8)
    if sigma_max is None:
        sigma_max = SIGMA_MAX.get(kind, 49 / 255)
    if iterations < 1:
        raise ValueError(f"DPIR needs at least one iteration, got {iterations}.")
    if last < 1:
        raise ValueError(f"The last level must be at least 1 sigma, got {last}.")
    sigma = max(noise_level(physics, y), SIGMA_MIN)
    x = initial_estimate(physics, y)
    yield x
    if kind == "denoising":
        yield denoiser(y, sigma)
        return
    prox, _ = data_prox(physics, y)
    levels = np.geomspace(max(sigma_max, last * sigma), last * sigma, iterations)
    for k, level in enumerate(levels.tolist()):
        x = prox(x, (level / sigma) ** 2 / lambda_)
        x, back = turn(x, k % 8)
        x = back(denoiser(x, level))
        yield x
