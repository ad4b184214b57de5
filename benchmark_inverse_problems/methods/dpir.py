"""Plug-and-play restoration by half-quadratic splitting."""

import numpy as np
import torch
from deepinv.physics import Denoising, Inpainting

from .initial import data_prox, initial_estimate, noise_level

# The floor of the authors' code for noiseless problems (deepinv's DPIR has 0.01 in its
# step and none in its schedule, and gives NaN).
SIGMA_MIN = 0.255 / 255


def denoise(x, denoiser, sigma):
    """`denoiser(x, sigma)`, channel by channel for a complex image (C = 2)."""
    if x.shape[1] != 2:
        return denoiser(x, sigma)
    return torch.cat([denoiser(part, sigma) for part in x.split(1, 1)], 1)


def dpir(
    y, physics, denoiser, sigma=None, iterations=None, sigma_max=49 / 255, lambda_=0.23
):
    """Deep plug-and-play image restoration (Zhang et al., TPAMI 2021).

    From `initial_estimate`, for sigma_k log-spaced from `sigma_max` to `sigma`:

        x <- argmin_x 1/2 ||A x - y||^2 + lambda (sigma / sigma_k)^2 / 2 ||x - x_k||^2
        x <- denoiser(x, sigma_k)

    Pure denoising is one call of the denoiser at `sigma`: splitting has nothing to
    solve there.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, H, W) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A, with its noise model.
    denoiser : callable
        `denoiser(x, sigma)` for the image's channels, or for one if C = 2.
    sigma : float or None
        Noise level; `noise_level(y, physics)` if None. At least `SIGMA_MIN` is used.
    iterations : int or None
        Steps. None: 8, and 24 for inpainting, whose data term sets the known pixels
        only, so that the others travel by the denoiser alone.
    sigma_max : float
        First denoising level.
    lambda_ : float
        Weight of the prior.

    Returns
    -------
    Tensor
        The image (1, C, H, W).

    Raises
    ------
    ValueError
        If `sigma` is negative or `iterations` is below 1.
    """
    if iterations is None:
        iterations = 24 if isinstance(physics, Inpainting) else 8
    if iterations < 1:
        raise ValueError(f"DPIR needs at least one iteration, got {iterations}.")
    sigma = noise_level(y, physics) if sigma is None else float(sigma)
    if sigma < 0:
        raise ValueError(f"The noise level must not be negative, got {sigma}.")
    sigma = max(sigma, SIGMA_MIN)
    with torch.no_grad():
        if isinstance(physics, Denoising):
            return denoise(y, denoiser, sigma)
        x = initial_estimate(y, physics)
        prox, _ = data_prox(y, physics)
        for level in np.geomspace(max(sigma_max, sigma), sigma, iterations).tolist():
            x = prox(x, (level / sigma) ** 2 / lambda_)
            x = denoise(x, denoiser, level)
    return x
