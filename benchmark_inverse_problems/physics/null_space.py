"""What a measurement sees: the orthogonal projection on the row space of A."""

from functools import singledispatch

import torch
from deepinv.physics.forward import DecomposablePhysics

from .proximal import data_prox

# Directions with a singular value below TAU (of operators of norm about one) count as
# unseen: noise of any level in the suite drowns them.
TAU = 0.05
CG_ITERATIONS = 100
CG_TOLERANCE = 1e-4


@singledispatch
def range_projection(physics, shape):
    """The projection P on the span of the right singular vectors above tau.

    P is exact for operators whose singular value decomposition is known: masks, Fourier
    multipliers, bicubic down-sampling (a matrix along each side) and random projections.
    Elsewhere (tomography) it is the smooth filter of `filtered_projection`.

    Parameters
    ----------
    physics : deepinv.physics.LinearPhysics
    shape : tuple of int
        (1, C, *spatial) of the image.

    Returns
    -------
    project : callable or None
        Image to image; None where the null space is empty.
    """
    return filtered_projection(physics)


@range_projection.register(DecomposablePhysics)
def _(physics, shape):
    # Diagonal operators have a norm of one, so that tau is an absolute threshold.
    seen = torch.as_tensor(physics.mask).abs() > TAU
    if bool(seen.all()):
        return None
    return lambda x: physics.V(physics.V_adjoint(x) * seen)


def seen_directions(values):
    """Which singular values are above tau times the largest one."""
    return values > TAU * values.max()


def filtered_projection(physics):
    """x -> (A^T A + tau^2)^-1 A^T A x, by conjugate gradients.

    This is the proximal operator of the data term of y = A x at zero, with weight tau^-2.
    """

    def project(x):
        prox, _ = data_prox(physics, physics.A(x), CG_TOLERANCE, CG_ITERATIONS)
        return prox(torch.zeros_like(x), TAU**-2)

    return project
