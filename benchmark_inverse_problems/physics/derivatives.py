"""Derivatives of operators that are not linear."""

from functools import partial, singledispatch

import torch

# Step of the central difference, relative to the size of x, in float64.
STEP = 1e-4


@singledispatch
def jacobian(physics, x):
    """The Jacobian J of A at x, as two functions.

    Returns
    -------
    times : callable (u) -> J u
    adjoint : callable (v) -> J^T v
    """
    return partial(jacobian_times, physics, x), partial(jacobian_adjoint, physics, x)


def from_matrix(matrix, x, y):
    """The two functions of `jacobian` for a matrix (numbers of y, numbers of x)."""

    def times(u):
        return (matrix @ u.flatten().to(matrix)).view_as(y).to(u.dtype)

    def adjoint(v):
        return (v.flatten().to(matrix) @ matrix).view_as(x).to(v.dtype)

    return times, adjoint


def jacobian_adjoint(physics, x, v):
    """J^T v, with J the Jacobian of A at x, by backpropagation.

    Parameters
    ----------
    physics : deepinv.physics.Physics
    x : tensor (1, C, *spatial)
    v : tensor like A(x)

    Returns
    -------
    tensor like x
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (product,) = torch.autograd.grad(physics.A(x), x, v)
    return product


def jacobian_times(physics, x, u):
    """J u, with J the Jacobian of A at x, by a central difference in float64.

    deepinv's `A_jvp` differentiates the gradient; in deepinv 0.5 its result is wrong for
    the Helmholtz equation, whose gradient it gets from an adjoint equation.

    Parameters
    ----------
    physics : deepinv.physics.Physics
        Its A keeps float64.
    x, u : tensor (1, C, *spatial)

    Returns
    -------
    tensor like A(x)
    """
    size = float(u.norm())
    if size == 0:
        return torch.zeros_like(physics.A(x))
    step = STEP * max(1.0, float(x.norm())) / size
    x, direction = x.double(), u.double()
    with torch.no_grad():
        ahead, behind = (physics.A(x + s * step * direction) for s in (1, -1))
    return ((ahead - behind) / (2 * step)).to(u.dtype)
