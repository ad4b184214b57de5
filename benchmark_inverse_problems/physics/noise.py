"""Seeded noise: deepinv's noise models describe it, numpy's frozen stream draws it."""

import copy

import deepinv as dinv
import numpy as np
import torch

from .facts import measured

# Noise level that weights are relative to where the measurements have none.
NOISE_FLOOR = 0.005


def noise_model(sigma=0.0, gain=0.0):
    """The noise model that solvers read: y = gain * Poisson(Ax / gain) + sigma * n."""
    if gain:
        return dinv.physics.PoissonGaussianNoise(gain=gain, sigma=sigma)
    return dinv.physics.GaussianNoise(sigma=sigma)


def add_noise(clean, physics, rng, sigma=0.0, gain=0.0):
    """Noisy measurements of clean ones.

    Parameters
    ----------
    clean : tensor
        Ax, with the batch first, in the range of the image; non-negative where gain is
        positive.
    physics : deepinv.physics.LinearPhysics
        The operator: what a mask does not measure carries no noise.
    rng : numpy.random.RandomState
        numpy never changes the streams of this class, so the noise is the same
        on every machine and with every version.
    sigma : float or array (B,)
        Standard deviation of the Gaussian part.
    gain : float or array (B,)
        Gain of the Poisson part; 0 for none.
    """
    y = clean.double().cpu().numpy()
    sigma, gain = (np.broadcast_to(level, len(y)) for level in (sigma, gain))
    for i in gain.nonzero()[0]:
        y[i] = gain[i] * rng.poisson(y[i].clip(0) / gain[i])
    y = y + sigma.reshape(-1, *[1] * (y.ndim - 1)) * rng.standard_normal(y.shape)
    return measured(physics) * torch.from_numpy(y).to(clean)


def noise_level(physics, y):
    """Standard deviation of the noise in `y` as the noise model states it, a float.

    For `PoissonGaussianNoise` the variance is `sigma^2 + gain * A(x)`: its mean over
    the image is `sigma^2 + gain * mean(y)`. It is 0 where the model has no `sigma`
    and no `gain`.

    Parameters
    ----------
    physics : deepinv.physics.Physics
        The operator, with its noise model.
    y : tensor
        Measurements.
    """
    model = getattr(physics, "noise_model", None)
    sigma = torch.as_tensor(getattr(model, "sigma", None) or 0.0).float()
    gain = torch.as_tensor(getattr(model, "gain", None) or 0.0).float()
    mean = y.mean().clamp(min=0).to(gain.device)
    return (sigma.square() + gain * mean).mean().sqrt().item()


def noise_parameter(physics, y, name, value=None):
    """A parameter of the noise model as one number for each image, (B,).

    Parameters
    ----------
    physics : deepinv.physics.Physics
    y : tensor
        Measurements, with the batch first.
    name : {"sigma", "gain"}
    value : float or tensor (B,), optional
        Instead of the noise model's. A model without this parameter has 0.
    """
    if value is None:
        value = getattr(physics.noise_model, name, 0)
    value = torch.as_tensor(value, dtype=y.dtype, device=y.device)
    return value.reshape(-1).expand(len(y))


def noise_levels(physics, y):
    """`noise_level` of each image, (B,)."""
    sigma, gain = (noise_parameter(physics, y, name) for name in ("sigma", "gain"))
    mean = y.flatten(1).mean(1).clamp(min=0)
    return (sigma.square() + gain * mean).sqrt()


def is_poisson(physics):
    """Whether the noise has a Poisson part, whose rates must not be negative."""
    return hasattr(physics.noise_model, "gain")


def noisy(physics, x):
    """New measurements of an image, with the noise that the operator states.

    torch draws the noise; problems, which must not change, take `add_noise`.
    """
    clean = physics.A(x)
    if is_poisson(physics):
        clean = clean.clamp(min=0)
    return measured(physics).to(clean) * physics.noise_model(clean)


def with_noise(physics, sigma):
    """The same operator with Gaussian noise of level sigma."""
    physics = copy.deepcopy(physics)
    physics.noise_model = dinv.physics.GaussianNoise(sigma)
    return physics


def relative_weight(method, weight):
    """A method whose regularisation weight is `weight` times the noise level.

    One grid of weights then fits all problems. Noise levels below `NOISE_FLOOR` count as
    `NOISE_FLOOR`.

    Parameters
    ----------
    method : callable (y, physics, weight) -> x_hat
    weight : float

    Returns
    -------
    callable (y, physics) -> x_hat
    """

    def reconstruct(y, physics):
        return method(y, physics, weight * max(noise_level(physics, y), NOISE_FLOOR))

    return reconstruct
