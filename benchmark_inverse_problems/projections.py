"""What a measurement sees: the orthogonal projection on the row space of A."""

import deepinv as dinv
import torch
from deepinv.physics.forward import DecomposablePhysics

# Directions with a singular value below TAU (of operators of norm about one)
# count as unseen: noise of any level in the suite drowns them.
TAU = 0.05
CG_ITERATIONS = 100
CG_TOLERANCE = 1e-4


def range_projection(physics, shape):
    """The projection P on the span of the right singular vectors above tau.

    P is exact for masks and Fourier multipliers (their singular value
    decomposition is known) and for bicubic down-sampling (circular: A A^T is a
    Fourier multiplier; MATLAB's: A is separable). Elsewhere (tomography) it is
    the smooth filter (A^T A + tau^2)^-1 A^T A, solved by conjugate gradients to a
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
    if isinstance(physics, dinv.physics.DownsamplingMatlab):
        return separable_projection(physics, shape)
    if isinstance(physics, dinv.physics.Downsampling) and physics.padding == "circular":
        return decimation_projection(physics, shape)
    return lambda x: filtered_projection(physics, x)


def decimation_projection(physics, shape):
    """P = A^T (A A^T)^+ A for a circular filter and decimation."""
    f = physics.factor
    coarse = (shape[-2] // f, shape[-1] // f)
    delta = torch.zeros(1, shape[1], *coarse)
    delta[..., 0, 0] = 1
    eigenvalues = torch.fft.rfft2(physics.A(physics.A_adjoint(delta))).real
    # The operator's norm is about 1 / f, so tau is relative to it.
    seen = eigenvalues > (TAU / f) ** 2
    inverse = torch.where(seen, 1 / eigenvalues.clamp(min=1e-12), 0)

    def project(x):
        spectrum = torch.fft.rfft2(physics.A(x)) * inverse
        return physics.A_adjoint(torch.fft.irfft2(spectrum, s=coarse))

    return project


def separable_projection(physics, shape):
    """P for an operator that is a product of two one-dimensional ones."""
    height, width = shape[-2:]

    def matrix(length, axis):
        # The operator of constant lines is the one-dimensional operator.
        sides = [length, length]
        sides[1 - axis] = 8 * physics.factor
        lines = torch.zeros(length, 1, *sides)
        index = torch.arange(length)
        lines[(index, 0, index) if axis == 0 else (index, 0, slice(None), index)] = 1
        measured = physics.A(lines)[:, 0]
        middle = measured.shape[2 - axis] // 2
        return measured.select(2 - axis, middle).T.double()

    (_, s_rows, rows), (_, s_columns, columns) = (
        torch.linalg.svd(matrix(length, axis), full_matrices=False)
        for axis, length in enumerate((height, width))
    )
    largest = s_rows.max() * s_columns.max()
    seen = s_rows[:, None] * s_columns > TAU * largest

    def project(x):
        coefficients = rows @ x.double() @ columns.T * seen
        return (rows.T @ coefficients @ columns).to(x.dtype)

    return project


def filtered_projection(physics, x):
    """(A^T A + tau^2)^-1 A^T A x by conjugate gradients."""
    target = physics.A_adjoint(physics.A(x))
    return dinv.optim.linear.conjugate_gradient(
        lambda u: physics.A_adjoint(physics.A(u)) + TAU**2 * u,
        target,
        max_iter=CG_ITERATIONS,
        tol=CG_TOLERANCE,
    )
