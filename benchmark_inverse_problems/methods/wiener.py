"""The posterior of Gaussian fields: its mean, and exact samples of it."""

import deepinv as dinv
import torch

from ..judge.reconstruction import Estimate
from ..physics.facts import measured
from ..physics.gaussian_field import DEVIATION, MEAN, field, multiply, spectrum
from ..physics.noise import noise_level

TOLERANCE, ITERATIONS = 1e-5, 500
# Least noise level, so that the system can be solved.
FLOOR = 5e-3
# White images that find the preconditioner.
PROBES = 16


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
    """

    def __init__(self, physics, like, sigma, deviation):
        self.physics, self.sigma = physics, sigma
        self.flat = torch.full_like(like, MEAN)
        values = spectrum(like.shape[2:], deviation).to(like)
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


def wiener(y, physics, deviation=DEVIATION, samples=0):
    """The posterior mean and, with samples, the spread of the posterior.

    A sample is the error of the mean for another image of the field and its own noise: it
    has exactly the law of x - E[x | y] (Y. Hoffman and E. Ribak, "Constrained Realizations
    of Gaussian Fields", Astrophysical Journal 1991).

    Parameters
    ----------
    y : tensor
    physics : deepinv.physics.LinearPhysics
        Its noise is taken as Gaussian, with the level of `noise_level`.
    deviation : float
        Standard deviation of the field.
    samples : int

    Returns
    -------
    tensor (B, C, *spatial), or Estimate with samples
    """
    sigma = max(noise_level(physics, y), FLOOR)
    posterior = Posterior(physics, physics.A_adjoint(y), sigma, deviation)
    mean = posterior.mean(y)
    if not samples:
        return mean
    total, errors = torch.zeros_like(mean), []
    for _ in range(samples):
        x = field(torch.randn_like(mean), deviation)
        noise = sigma * torch.randn_like(y) * measured(physics).to(y)
        error = x - posterior.mean(physics.A(x) + noise)
        total += error.square()
        errors.append(float(error.square().mean()))
    return Estimate(mean, (total / samples).sqrt(), errors)
