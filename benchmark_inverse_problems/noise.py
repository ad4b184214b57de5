"""Seeded noise: deepinv's noise models describe it, numpy's frozen stream draws it."""

import deepinv as dinv
import torch


def noise_model(sigma=0.0, gain=0.0):
    """The noise model that solvers read: y = gain * Poisson(Ax / gain) + sigma * n."""
    if gain:
        return dinv.physics.PoissonGaussianNoise(gain=gain, sigma=sigma)
    return dinv.physics.GaussianNoise(sigma=sigma)


def add_noise(clean, rng, sigma=0.0, gain=0.0):
    """Noisy measurements of clean ones.

    Parameters
    ----------
    clean : tensor
        Ax, in the range of the image; non-negative where gain is positive.
    rng : numpy.random.RandomState
        numpy never changes the streams of this class, so the noise is the same
        on every machine and with every version.
    sigma : float
        Standard deviation of the Gaussian part.
    gain : float
        Gain of the Poisson part; 0 for none.
    """
    y = clean.double().numpy()
    if gain:
        y = gain * rng.poisson(y.clip(0) / gain)
    y = y + sigma * rng.standard_normal(y.shape)
    return torch.from_numpy(y).to(clean.dtype)
