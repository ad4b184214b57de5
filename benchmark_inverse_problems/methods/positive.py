"""Iterations for measurements that are sums of pixels with weights of at least zero."""

import torch

from ..physics.noise import noise_level
from .stopping import Discrepancy, LastIterate, expected_noise_norm

# Least denominator, relative to the largest one.
SMALL = 1e-6


def reciprocal(x):
    """1 / x for x of at least zero, with very small values raised."""
    return 1 / x.clamp(min=SMALL * float(x.max()))


def rule_for(y, physics):
    """The discrepancy rule where the noise is known, else one that never stops."""
    if noise_level(physics, y) > 0:
        return Discrepancy(expected_noise_norm(y, physics))
    return LastIterate()


def sirt(y, physics, iterations, relaxation=1.0):
    """The simultaneous iterative reconstruction technique, from zero.

        x <- x + relaxation C A^T R (y - A x)

    R and C divide by the sums of the rows and of the columns of A (P. Gilbert, "Iterative
    Methods for the Three-Dimensional Reconstruction of an Object from Projections",
    Journal of Theoretical Biology, 1972). It ends when the residual is as small as the
    noise, because later iterations fit the noise. deepinv's class applies A once more for
    such a rule.

    Parameters
    ----------
    y : tensor
    physics : deepinv.physics.LinearPhysics
        A has no negative entries.
    iterations : int
        Largest number of iterations.
    relaxation : float
        Above 0 and below 2.

    Yields
    ------
    tensor
        The initial estimate (1, C, *spatial), then one after each iteration.
    """
    rule = rule_for(y, physics)
    columns = relaxation * reciprocal(physics.A_adjoint(torch.ones_like(y)))
    x = torch.zeros_like(columns)
    rows = reciprocal(physics.A(torch.ones_like(x)))
    residual = y
    yield x
    for _ in range(iterations):
        x = x + columns * physics.A_adjoint(rows * residual)
        residual = y - physics.A(x)
        yield x
        norm = float(residual.norm())
        if rule.update(x, x, norm, norm):
            return


def richardson_lucy(y, physics, iterations):
    """Richardson and Lucy's iterations, from a constant image.

        x <- x / (A^T 1) * A^T (y / A x)

    They increase the likelihood of Poisson noise (L. Shepp and Y. Vardi, "Maximum
    Likelihood Reconstruction for Emission Tomography", IEEE TMI 1982). Negative
    measurements count as zero. They end when the residual is as small as the noise,
    because later iterations fit the noise.

    Parameters
    ----------
    y : tensor
    physics : deepinv.physics.LinearPhysics
        A has no negative entries.
    iterations : int
        Largest number of iterations.

    Yields
    ------
    tensor
        The initial estimate (1, C, *spatial), then one after each iteration.
    """
    rule = rule_for(y, physics)
    y = y.clamp(min=0)
    columns = reciprocal(physics.A_adjoint(torch.ones_like(y)))
    x = torch.ones_like(columns)
    seen = physics.A(x)
    level = y.sum() / seen.sum()
    x, seen = level * x, level * seen
    yield x
    for _ in range(iterations):
        x = x * columns * physics.A_adjoint(y * reciprocal(seen))
        # The Fourier transform rounds zeros to small numbers of both signs.
        x = x.clamp(min=0)
        seen = physics.A(x)
        yield x
        norm = float((y - seen).norm())
        if rule.update(x, x, norm, norm):
            return
