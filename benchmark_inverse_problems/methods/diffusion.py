"""Diffusion methods that need only a denoiser: DiffPIR, DDRM, DPS and PiGDM."""

import deepinv as dinv
import numpy as np
import torch

from ..physics.facts import for_each_measurement, unit_scale
from ..physics.initial_estimate import initial_estimate
from ..physics.noise import noise_level, with_noise
from ..physics.proximal import data_prox
from ..support.checks import check_known
from ..support.random import normal_like
from .dpir import SIGMA_MIN

# Variance that each step of the diffusion adds: first, last and number of steps.
BETAS = 1e-4, 0.02, 1000
VARIANTS = ("authors", "deepinv")


def schedule(steps):
    """Factors of the image and of the noise at each step, for images in [-1, 1].

    The first step has pure noise, the last one nearly none. Times are spaced
    quadratically, as in the code of DiffPIR's authors, so that most steps have little
    noise.

    Returns
    -------
    signal, noise : lists of float
    """
    kept = np.cumprod(1 - np.linspace(*BETAS))
    ends = np.sqrt(np.linspace(0, len(kept) ** 2, steps)).astype(int)
    kept = kept[(len(kept) - 1 - ends).clip(0)]
    return np.sqrt(kept).tolist(), np.sqrt(1 - kept).tolist()


def diffpir(
    y,
    physics,
    denoiser,
    lambda_=3.0,
    zeta=1.0,
    steps=100,
    variant="authors",
    lowest=0.0,
):
    """Denoising diffusion for plug-and-play restoration (Zhu et al., CVPRW 2023).

    From noise on `initial_estimate`, for falling levels s_t (images in [0, 1]):

        x0 <- denoiser(x_t, s_t), clamped to [lowest, 1]
        x0 <- argmin_x ||A x - y||^2 + lambda sigma^2 / (2 s_t)^2 ||x - x0||^2
        x_t-1 <- x0 with noise of level s_t-1

    A share zeta of the variance of this noise is fresh. The rest is the noise that
    remains of x_t without x0. The result is the image at the lowest level, about 0.005.

    The method follows the authors' code. The code measures the level s_t for images in
    [-1, 1]. This makes the weight of the prior four times smaller than eq. 13 states.
    The authors use lambda = 7 and zeta = 0.3 for deblurring, lambda = 2 to 12 and
    zeta = 0.25 for super-resolution, and lambda = 1, zeta = 1 and 20 steps for
    inpainting. deepinv's class weighs the data half as much at the same lambda, and
    starts from `A^T y`. Its defaults are lambda = 7 and zeta = 0.1.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, H, W) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A, with its noise model; sigma is at least `SIGMA_MIN`.
    denoiser : callable
        `denoiser(x, sigma)` for images like A^T y. It is called with levels far above
        those that denoisers are trained for.
    lambda_ : float
        Weight of the prior.
    zeta : float
        Share of fresh noise, in [0, 1].
    steps : int
        Calls of the denoiser.
    variant : {"authors", "deepinv"}
        "deepinv" is `deepinv.sampling.DiffPIR`. It yields the initial estimate and the
        result only.
    lowest : float
        Smallest value of an image: 0, or -1 for the parts of complex images.

    Yields
    ------
    Tensor
        The initial estimate, then one after each step.

    Raises
    ------
    ValueError
        If a setting is out of range.
    """
    check_known("variant", variant, VARIANTS)
    if not (lambda_ > 0 and 0 <= zeta <= 1 and steps >= 2):
        raise ValueError(
            "DiffPIR needs lambda_ > 0, zeta in [0, 1] and at least 2 steps, got "
            f"{lambda_}, {zeta} and {steps}."
        )
    sigma = max(noise_level(physics, y), SIGMA_MIN)
    x0 = initial_estimate(physics, y)
    yield x0
    if variant == "deepinv":
        model = dinv.sampling.DiffPIR(
            lambda x, level: denoiser(x, float(level)),
            dinv.optim.data_fidelity.L2(),
            max_iter=steps,
            zeta=zeta,
            lambda_=lambda_,
            device=y.device,
        )
        yield model(y, with_noise(physics, sigma))
        return
    signal, noise = schedule(steps)
    prox, _ = data_prox(physics, y)
    x = signal[0] * (2 * x0 - 1) + noise[0] * normal_like(x0)
    for k in range(steps - 1):
        level = noise[k] / signal[k]
        x0 = denoiser((x / signal[k] + 1) / 2, level / 2)
        x0 = x0.clamp(lowest, 1)
        x0 = prox(x0, (level / sigma) ** 2 / lambda_)
        left = (x - signal[k] * (2 * x0 - 1)) / noise[k]
        mixed = (1 - zeta) ** 0.5 * left + zeta**0.5 * normal_like(x0)
        x = signal[k + 1] * (2 * x0 - 1) + noise[k + 1] * mixed
        yield x0
    yield (x + 1) / 2


def ddrm(y, physics, denoiser, steps=30, eta=0.85):
    """Denoising diffusion restoration models (Kawar et al., NeurIPS 2022).

    This is `deepinv.sampling.DDRM`, which adds noise and measurements in the spectral
    domain of A. The noise levels are spaced logarithmically from 1 to 0.01, and the
    last one is 0. With the bundled denoiser 30 such levels do as well as deepinv's 100
    evenly spaced ones. In deepinv, fresh noise has half the variance of the paper's.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, H, W) with values about [0, 1].
    physics : deepinv.physics.DecomposablePhysics
        The operator A, with its noise model.
    denoiser : callable
        `denoiser(x, sigma)` for images like A^T y.
    steps : int
        Calls of the denoiser.
    eta : float
        The paper's share of fresh noise, in [0, 1].

    Returns
    -------
    Tensor
        The image (1, C, H, W).

    Raises
    ------
    ValueError
        If a setting is out of range.
    """
    if not (0 <= eta <= 1 and steps >= 2):
        raise ValueError(
            f"DDRM needs eta in [0, 1] and at least 2 steps, got {eta} and {steps}."
        )
    model = dinv.sampling.DDRM(
        # At level 0 there is nothing to denoise, and the measured part stays as it is.
        lambda x, level: denoiser(x, level) if level else x,
        sigmas=[*np.geomspace(1, 0.01, steps - 1).tolist(), 0.0],
        eta=eta,
    )
    physics = with_noise(physics, noise_level(physics, y))
    return model(y, for_each_measurement(physics, y))


def dps(y, physics, denoiser, steps=100, weight=1.0):
    """Diffusion posterior sampling (Chung et al., ICLR 2023).

    This is `deepinv.sampling.DPS`. The guidance is the likelihood of y given the denoised
    image, whose variance is that of the noise and of the level: `guidance="annealed"`. The
    paper's step, over the norm of the residual, needs a weight for each problem.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, H, W) with values about [0, 1].
    physics : deepinv.physics.Physics
        The operator, with its noise model; A has a gradient.
    denoiser : callable
        `denoiser(x, sigma)` for images like A^T y.
    steps : int
        Noise levels. All but the last one call the denoiser, with its gradient.
    weight : float
        Weight of the guidance.

    Returns
    -------
    Tensor
        The image (1, C, H, W).

    Raises
    ------
    ValueError
        If a setting is out of range.
    """
    if not (weight > 0 and steps >= 2):
        raise ValueError(
            f"DPS needs weight > 0 and at least 2 steps, got {weight} and {steps}."
        )
    seed = int(torch.randint(2**31, ()))
    model = dinv.sampling.DPS(
        denoiser,
        num_steps=steps,
        weight=weight,
        guidance="annealed",
        device=y.device,
        rng=torch.Generator(y.device).manual_seed(seed),
    )
    # The variance of the level is that of A x for operators of norm one.
    scale = unit_scale(physics) ** 0.5
    scaled = dinv.physics.Physics(
        A=lambda x: scale * physics.A(x),
        noise_model=dinv.physics.GaussianNoise(scale * noise_level(physics, y)),
    )
    return model(scale * y, scaled, x_init=initial_estimate(physics, y).shape).float()


def pigdm(y, physics, denoiser, steps=40, weight=1.0, deviation=0.15, lowest=0.0):
    """Pseudoinverse-guided diffusion (Song et al., ICLR 2023).

    From noise, for falling levels s_t (images in [0, 1]):

        x0 <- denoiser(x_t, s_t), clamped to [lowest, 1]
        g <- J^T (argmin_x ||A x - y||^2 / sigma^2 + ||x - x0||^2 / r_t^2 - x0)
        x_t-1 <- x0 with noise of level s_t-1, plus weight g

    J is the Jacobian of the denoiser. r_t^2 = 1 / (1 / s_t^2 + 1 / deviation^2) is the
    variance of the image given x_t. The fresh noise of a step is that of DDPM, as in the
    paper's algorithm 1. The argmin is the paper's guidance by the pseudoinverse where y has
    noise, with the paper's weight r_t^2. The guidance of a step does not shrink with their
    number, so that a weight fits a number of steps.

    The class `deepinv.sampling.PiGDMDataFidelity` leaves this weight out. Its steps then
    grow with s_t^2, and the bundled denoiser diverges there: it was not trained for such
    levels. The paper takes a deviation of 1 for images in [-1, 1], which is 0.5 here.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, H, W) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A, with its noise model; sigma is at least `SIGMA_MIN`.
    denoiser : callable
        `denoiser(x, sigma)` for images like A^T y. It has a gradient.
    steps : int
        Noise levels. All but the last one call the denoiser, with its gradient.
    weight : float
        Weight of the guidance.
    deviation : float
        Standard deviation of images about what a denoiser makes of pure noise.
    lowest : float
        Smallest value of an image: 0, or -1 for the parts of complex images.

    Returns
    -------
    Tensor
        The image (1, C, H, W).

    Raises
    ------
    ValueError
        If a setting is out of range.
    """
    if not (weight > 0 and deviation > 0 and steps >= 2):
        raise ValueError(
            "PiGDM needs weight > 0, deviation > 0 and at least 2 steps, got "
            f"{weight}, {deviation} and {steps}."
        )
    sigma = max(noise_level(physics, y), SIGMA_MIN)
    signal, noise = schedule(steps)
    prox, _ = data_prox(physics, y)
    x = normal_like(initial_estimate(physics, y))
    for k in range(steps - 1):
        level = noise[k] / signal[k] / 2
        variance = 1 / (1 / level**2 + 1 / deviation**2)

        def denoised(x, level=level):
            return denoiser(x, level).clamp(lowest, 1)

        x0, pulled = torch.func.vjp(denoised, (x / signal[k] + 1) / 2)
        x0 = x0.detach()
        (guidance,) = pulled(prox(x0, variance / sigma**2) - x0)
        left = (x - signal[k] * (2 * x0 - 1)) / noise[k]
        fresh = noise[k + 1] / noise[k] * (1 - (signal[k] / signal[k + 1]) ** 2) ** 0.5
        kept = (noise[k + 1] ** 2 - fresh**2) ** 0.5
        x = signal[k + 1] * (2 * x0 - 1) + kept * left + fresh * normal_like(x)
        x = x + 2 * signal[k] * weight * guidance.detach()
    return (x + 1) / 2
