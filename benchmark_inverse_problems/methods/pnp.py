"""Plug-and-play methods with one denoising level and many iterations: PnP-PGD, RED."""

import torch

from ..physics.facts import unit_scale
from ..physics.initial_estimate import initial_estimate
from ..physics.noise import noise_level
from ..physics.proximal import data_prox
from .dpir import SIGMA_MIN


def check_settings(iterations, **positive):
    """Raise a ValueError unless `iterations` >= 1 and the others are positive."""
    if iterations < 1:
        raise ValueError(f"There must be at least one iteration, got {iterations}.")
    for name, value in positive.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}.")


def pnp_pgd(y, physics, denoiser, level=0.05, relaxation=1.0, iterations=30):
    """Proximal gradient descent with a denoiser in place of the proximal operator.

    From `initial_estimate` (Kamilov et al., 2017; Hurault et al., ICML 2022):

        z <- x - t A^T (A x - y)
        x <- (1 - relaxation) z + relaxation denoiser(z, level)

    with t = `unit_scale(physics)`. The relaxed denoiser (Hurault et al., SSVM 2023)
    makes the weight of the prior independent of the denoising level. Low noise needs
    this: a level low enough not to oversmooth would leave errors that the iterations
    amplify.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, *spatial) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A. Its norm is about 1, or about 1 / f for down-sampling by f.
    denoiser : callable
        `denoiser(x, sigma)` for images like A^T y.
    level : float
        Denoising level, in the range of the image. A larger level gives a smoother
        image.
    relaxation : float
        Weight of the denoised image, in (0, 1]; 1 is plain descent.
    iterations : int

    Yields
    ------
    Tensor
        The initial estimate, then one after each iteration.

    Raises
    ------
    ValueError
        If `level` is not positive, `relaxation` not in (0, 1] or `iterations` below 1.
    """
    check_settings(iterations, level=level, relaxation=relaxation)
    if relaxation > 1:
        raise ValueError(f"relaxation must be at most 1, got {relaxation}.")
    step = unit_scale(physics)
    x = initial_estimate(physics, y)
    yield x
    for _ in range(iterations):
        z = x - step * physics.A_adjoint(physics.A(x) - y)
        x = torch.lerp(z, denoiser(z, level), relaxation)
        yield x


def red(y, physics, denoiser, lambda_=0.2, level=0.05, iterations=30):
    """Regularisation by denoising, by the fixed-point strategy (Romano et al., 2017).

    From `initial_estimate`, with the weight of the prior relative to sigma as in DPIR:

        x <- argmin_x 1/2 ||A x - y||^2 + lambda (sigma / level)^2 / 2 ||x - D(x_k)||^2

    D is the denoiser at `level`. The limit solves
    `A^T (A x - y) + lambda (sigma / level)^2 (x - D(x)) = 0`. The paper's lambda is
    `lambda_ / level^2`.

    Parameters
    ----------
    y, physics, denoiser, iterations
        See `pnp_pgd`; the noise's sigma is at least `SIGMA_MIN`.
    lambda_ : float
        Weight of the prior.
    level : float
        Denoising level, in the range of the image.

    Yields
    ------
    Tensor
        The initial estimate, then one after each iteration.

    Raises
    ------
    ValueError
        If `lambda_` or `level` is not positive or `iterations` is below 1.
    """
    check_settings(iterations, lambda_=lambda_, level=level)
    sigma = max(noise_level(physics, y), SIGMA_MIN)
    prox, _ = data_prox(physics, y)
    x = initial_estimate(physics, y)
    yield x
    for _ in range(iterations):
        x = prox(denoiser(x, level), (level / sigma) ** 2 / lambda_)
        yield x
