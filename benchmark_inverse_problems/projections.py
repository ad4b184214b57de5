"""What a measurement sees: the orthogonal projection on the row space of A."""

import deepinv as dinv
import torch
from deepinv.physics.forward import DecomposablePhysics

from .operators import RandomProjection
from .separable import separable

# Directions with a singular value below TAU (of operators of norm about one)
# count as unseen: noise of any level in the suite drowns them.
TAU = 0.05
CG_ITERATIONS = 100
CG_TOLERANCE = 1e-4


def range_projection(physics, shape):
    """The projection P on the span of the right singular vectors above tau.

    P is exact for masks and Fourier multipliers (their singular value
    decomposition is known), for bicubic down-sampling (A is separable) and for random
    projections (a matrix). Elsewhere (tomography) it is the smooth filter (A^T A + tau^2)^-1 A^T A, solved by conjugate gradients to a
    relative residual of 1e-4.

    Parameters
    ----------
    physics : deepinv.physics.LinearPhysics
    shape : tuple of int
        (1, C, H, W) of the image.

    Returns
    -------
    project : callable or None
        Image to image; None where the null space is empty.
    """
    if isinstance(physics, DecomposablePhysics):
        seen = torch.as_tensor(physics.mask).abs() > TAU
        if bool(seen.all()):
            return None
        return lambda x: physics.V(physics.V_adjoint(x) * seen)
    if isinstance(physics, RandomProjection):
        return matrix_projection(physics.matrix)
    pair = separable(physics, shape)
    if pair is not None:
        return separable_projection(pair)
    return lambda x: filtered_projection(physics, x)


def separable_projection(pair):
    """P for an operator that is a product of two one-dimensional ones."""
    (_, s_rows, rows), (_, s_columns, columns) = (
        torch.linalg.svd(matrix.double(), full_matrices=False)
        for matrix in (pair.rows, pair.columns)
    )
    largest = s_rows.max() * s_columns.max()
    seen = s_rows[:, None] * s_columns > TAU * largest

    def project(x):
        coefficients = rows @ x.double() @ columns.T * seen
        return (rows.T @ coefficients @ columns).to(x.dtype)

    return project


def matrix_projection(matrix):
    """P for an operator that is one matrix on the image's pixels."""
    _, values, vectors = torch.linalg.svd(matrix, full_matrices=False)
    seen = vectors[values > TAU * values[0]]
    return lambda x: (x.flatten(1) @ seen.T @ seen).view_as(x)


def filtered_projection(physics, x):
    """(A^T A + tau^2)^-1 A^T A x by conjugate gradients."""
    target = physics.A_adjoint(physics.A(x))
    return dinv.optim.linear.conjugate_gradient(
        lambda u: physics.A_adjoint(physics.A(u)) + TAU**2 * u,
        target,
        max_iter=CG_ITERATIONS,
        tol=CG_TOLERANCE,
    )
