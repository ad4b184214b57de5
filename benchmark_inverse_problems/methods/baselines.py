"""Linear baselines: the pseudo-inverse and aligned bicubic interpolation."""

import torch
from deepinv.optim import linear
from torch.nn.functional import interpolate

from ..physics import facts
from ..physics.facts import decimation
from ..physics.operators.downsampling import grid_shift


def pseudoinverse(y, physics):
    """The least-squares solution of least norm, A^+ y.

    It is exact where deepinv knows the singular value decomposition. Elsewhere
    conjugate gradients on the normal equations stop at a relative residual of 1e-4 or
    after 100 iterations. Stopping early also limits the noise.
    """
    return facts.pseudoinverse(physics, y)


def conjugate_gradients(y, physics, iterations):
    """A fixed number of conjugate gradients for A^T A x = A^T y, from zero."""
    return linear.conjugate_gradient(
        physics.A_adjoint_A, physics.A_adjoint(y), max_iter=iterations, tol=0.0
    )


def bicubic(y, physics):
    """Up-sampling with Keys' kernel (a = -0.5), aligned with the operator's grid.

    Parameters
    ----------
    y : tensor (1, C, h, w)
    physics : deepinv.physics.Downsampling

    Returns
    -------
    tensor (1, C, h * factor, w * factor)
    """
    size = [n * decimation(physics) for n in y.shape[-2:]]
    up = interpolate(y, size=size, mode="bicubic", antialias=True)
    shift = grid_shift(physics)
    return up if not shift else torch.roll(up, (shift, shift), (-2, -1))
