"""Seeded noise: deepinv's noise models describe it, numpy's frozen stream draws it."""

import deepinv as dinv
import numpy as np
import torch


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


def measured(physics):
    """The mask of an operator that leaves entries of y unmeasured, else 1.

    (Blurs have an attribute `mask` too, the filter's spectrum.)
    """
    masked = isinstance(physics, dinv.physics.Inpainting | dinv.physics.MRI)
    return physics.mask if masked else torch.ones(())
