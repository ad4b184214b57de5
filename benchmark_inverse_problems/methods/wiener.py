"""The posterior of Gaussian fields: its mean, and exact samples of it."""

from dataclasses import replace

import deepinv as dinv
import numpy as np
import scipy  # it imports its parts at the first use
import torch

from ..judge.reconstruction import Estimate
from ..physics.facts import image_shape, measured, squared_transfer
from ..physics.gaussian_field import (
    FIELD,
    Law,
    decay,
    field,
    frequencies,
    multiply,
    spectrum,
)
from ..physics.noise import noise_level
from ..support.checks import check_known
from ..support.random import normal_like

TOLERANCE, ITERATIONS = 1e-5, 500
# Least noise level, so that the system can be solved.
FLOOR = 5e-3
# White images that find the preconditioner.
PROBES = 16
# Bounds of estimated laws: cycles a pixel, and powers of the frequency.
KNEES, POWERS = (0.005, 0.1), (2.0, 6.0)


class Posterior:
    """Means of the posterior of x for y = A x + sigma n and x of a Gaussian field.

    With x = mu + S v, S S = C, the mean of v solves

        (S A^T A S + sigma^2) v = S A^T (y - A mu).

    It is solved by conjugate gradients. The circulant operator nearest to A^T A, which is
    found with white images, is the preconditioner (T. Chan, "An Optimal Circulant
    Preconditioner for Toeplitz Systems", SIAM J. Sci. Stat. Comput. 1988).

    Parameters
    ----------
    physics : deepinv.physics.LinearPhysics
    like : tensor (1, C, *spatial)
        An image.
    sigma, deviation : float
        Levels of the noise and of the field.
    law : Law
        The rest of the field.
    """

    def __init__(self, physics, like, sigma, deviation, law=FIELD):
        self.physics, self.sigma = physics, sigma
        self.flat = torch.full_like(like, law.mean)
        values = spectrum(like.shape[2:], deviation, law).to(like)
        self.root = values.sqrt()
        circulant = self.circulant(like)
        self.inverse_root = (values * circulant + sigma**2).rsqrt()

    def circulant(self, like):
        """The diagonal of F A^T A F^-1, estimated, (*spatial)."""
        generator = torch.Generator().manual_seed(0)
        axes = tuple(range(2, like.ndim))
        total = 0
        for _ in range(PROBES):
            white = torch.randn(like.shape, generator=generator).to(like)
            seen = self.physics.A_adjoint(self.physics.A(white))
            product = torch.fft.fftn(white, dim=axes).conj() * torch.fft.fftn(
                seen, dim=axes
            )
            total = total + product.real.mean((0, 1)) / white[0, 0].numel()
        return (total / PROBES).clamp(min=0)

    def mean(self, y):
        """E[x | y], (1, C, *spatial)."""

        def system(u):
            v = multiply(u, self.inverse_root)
            seen = self.physics.A(multiply(v, self.root))
            back = multiply(self.physics.A_adjoint(seen), self.root)
            return multiply(back + self.sigma**2 * v, self.inverse_root)

        residual = self.physics.A_adjoint(y - self.physics.A(self.flat))
        u = dinv.optim.linear.conjugate_gradient(
            system,
            multiply(residual, self.root * self.inverse_root),
            max_iter=ITERATIONS,
            tol=TOLERANCE,
        )
        return self.flat + multiply(u, self.root * self.inverse_root)


def estimated(y, physics):
    """The law of a field that makes measurements most likely, `FIELD` where none is found.

    It minimises -log p(y), which is a sum over the frequencies where the Fourier transform
    diagonalises the operator (P. Whittle, "Estimation and Information in Stationary Time
    Series", Arkiv foer Matematik 1953): log t + |Y|^2 / t with the power spectrum
    t = |H|^2 s + sigma^2 of y. The frequency zero is left out. Noise is taken as Gaussian.

    Parameters
    ----------
    y : tensor (1, C, *spatial)
    physics : deepinv.physics.LinearPhysics
        With other operators the result is `FIELD`.

    Returns
    -------
    Law
    """
    transfer = squared_transfer(physics, image_shape(physics, y))
    if transfer is None:
        return FIELD
    axes = tuple(range(2, y.ndim))
    power = torch.fft.fftn(y.double(), dim=axes).abs().square() / y[0, 0].numel()
    squared = frequencies(y.shape[2:])
    inside = squared > 0
    power, transfer, squared = (
        v.cpu().double()[inside].numpy()
        for v in (power.mean((0, 1)), transfer, squared)
    )
    sigma = max(noise_level(physics, y), FLOOR)

    def surprise(found):
        scale, knee, fall = found
        law = Law(1, np.exp(knee), fall)
        t = transfer * np.exp(scale) * decay(squared, law) + sigma**2
        return (np.log(t) + power / t).mean()

    bounds = [(-10, 10), np.log(KNEES), POWERS]
    start = (0, np.log(FIELD.knee), FIELD.power)
    scale, knee, fall = scipy.optimize.minimize(surprise, start, bounds=bounds).x
    law = Law(1.0, float(np.exp(knee)), float(fall))
    total = np.exp(scale) * decay(frequencies(y.shape[2:]), law).mean()
    return replace(law, deviation=float(total**0.5))


LAWS = {"field": lambda y, physics: FIELD, "estimated": estimated}


def wiener(y, physics, deviation=None, samples=0, law="field"):
    """The posterior mean and, with samples, the spread of the posterior.

    A sample is the error of the mean for another image of the field and its own noise: it
    has exactly the law of x - E[x | y] (Y. Hoffman and E. Ribak, "Constrained Realizations
    of Gaussian Fields", Astrophysical Journal 1991).

    Parameters
    ----------
    y : tensor
    physics : deepinv.physics.LinearPhysics
        Its noise is taken as Gaussian, with the level of `noise_level`.
    deviation : float or None
        Standard deviation of the field. None: that of the law.
    samples : int
    law : {"field", "estimated"}
        `FIELD`, or the law that `estimated` finds.

    Returns
    -------
    tensor (B, C, *spatial), or Estimate with samples
    """
    check_known("spectrum", law, LAWS)
    law = LAWS[law](y, physics)
    deviation = law.deviation if deviation is None else deviation
    sigma = max(noise_level(physics, y), FLOOR)
    posterior = Posterior(physics, physics.A_adjoint(y), sigma, deviation, law)
    mean = posterior.mean(y)
    if not samples:
        return mean
    total, errors = torch.zeros_like(mean), []
    for _ in range(samples):
        x = field(normal_like(mean), deviation, law)
        noise = sigma * normal_like(y) * measured(physics).to(y)
        error = x - posterior.mean(physics.A(x) + noise)
        total += error.square()
        errors.append(float(error.square().mean()))
    return Estimate(mean, (total / samples).sqrt(), errors)
