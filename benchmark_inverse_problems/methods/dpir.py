"""Plug-and-play restoration by half-quadratic splitting."""

import numpy as np
import torch
from deepinv.physics import MRI, Denoising, Downsampling, Inpainting

from .initial import data_prox, initial_estimate, noise_level

# The floor of the authors' code for noiseless problems (deepinv's DPIR has 0.01 in its
# step and none in its schedule, and gives NaN).
SIGMA_MIN = 0.255 / 255


def denoise(x, denoiser, sigma, peak=1.0):
    """`denoiser(x, sigma)`, part by part for a complex image (see `by_parts`)."""
    if x.shape[1] != 2:
        return denoiser(x, sigma)
    return by_parts(x, lambda part: denoiser(part, sigma / (2 * peak)), peak)


def by_parts(x, restore, peak=1.0):
    """A network for gray images in [0, 1] on a complex one (C = 2), part by part.

    The real and the imaginary part are between -peak and peak: both are moved to [0, 1],
    where noise has its level divided by 2 peak. Seen as they are, their negative half is
    unlike all that such a network has learned from: DPIR loses 6.6 dB on MRI x4 (48
    iterations).

    Parameters
    ----------
    x : tensor (B, 2, H, W)
    restore : callable (B, 1, H, W) -> (B, 1, H, W)
    peak : float or tensor (B,)
    """
    peak = torch.as_tensor(peak, device=x.device).view(-1, 1, 1, 1)
    parts = [restore((part / peak + 1) / 2) for part in x.split(1, 1)]
    return peak * (2 * torch.cat(parts, 1) - 1)


def turn(x, k):
    """One of the eight flips and rotations of an image, and back: (x, undo)."""
    flips = [dim for bit, dim in ((1, -1), (2, -2)) if k & bit]
    if k & 4:
        return x.flip(flips).mT, lambda z: z.mT.flip(flips)
    return x.flip(flips), lambda z: z.flip(flips)


def dpir(y, physics, denoiser, lambda_=0.23, last=1.0, iterations=None, sigma_max=None):
    """Deep plug-and-play image restoration (Zhang et al., TPAMI 2021).

    From `initial_estimate`, for sigma_k log-spaced from `sigma_max` to `last * sigma`:

        x <- argmin_x 1/2 ||A x - y||^2 + lambda (sigma / sigma_k)^2 / 2 ||x - x_k||^2
        x <- denoiser(x, sigma_k)

    As in the authors' code each denoising sees another of the eight flips and
    rotations. Pure denoising is one call of the denoiser at `sigma`: splitting has
    nothing to solve there.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, H, W) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A, with its noise model; sigma is `noise_level(y, physics)`, at
        least `SIGMA_MIN`.
    denoiser : callable
        `denoiser(x, sigma)` for the image's channels, or for one if C = 2.
    lambda_ : float
        Weight of the prior.
    last : float
        Last denoising level in units of sigma. The error of an operator with a large
        null space is above the noise, and a last level above it removes more of it.
    iterations : int or None
        Steps. None: 24 for inpainting and down-sampling and 48 for MRI, whose missing
        pixels or frequencies come from the denoiser alone, and 8 elsewhere.
    sigma_max : float or None
        First denoising level. None: 0.5 for down-sampling, which starts far from the
        truth, and 49/255 elsewhere.

    Returns
    -------
    Tensor
        The image (1, C, H, W).

    Raises
    ------
    ValueError
        If `iterations` is below 1 or `last` below 1.
    """
    decimated = isinstance(physics, Downsampling)
    if iterations is None:
        if decimated or isinstance(physics, Inpainting):
            iterations = 24
        else:
            iterations = 48 if isinstance(physics, MRI) else 8
    if sigma_max is None:
        sigma_max = 0.5 if decimated else 49 / 255
    if iterations < 1:
        raise ValueError(f"DPIR needs at least one iteration, got {iterations}.")
    if last < 1:
        raise ValueError(f"The last level must be at least 1 sigma, got {last}.")
    sigma = max(noise_level(y, physics), SIGMA_MIN)
    if isinstance(physics, Denoising):
        return denoise(y, denoiser, sigma)
    x = initial_estimate(y, physics)
    prox, _ = data_prox(y, physics)
    levels = np.geomspace(max(sigma_max, last * sigma), last * sigma, iterations)
    for k, level in enumerate(levels.tolist()):
        x = prox(x, (level / sigma) ** 2 / lambda_)
        x, back = turn(x, k % 8)
        x = back(denoise(x, denoiser, level))
    return x
