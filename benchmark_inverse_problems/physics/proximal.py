"""The proximal operator of the data term."""

from functools import singledispatch

from deepinv.optim.linear import conjugate_gradient
from deepinv.physics import DecomposablePhysics

from ..support.iterates import last
from .facts import is_linear
from .gauss_newton import Tikhonov, gauss_newton_steps


@singledispatch
def closed_form_prox(physics, y):
    """The proximal operator of `data_prox` where it has a closed form, else None."""
    return None


@closed_form_prox.register(DecomposablePhysics)
def _(physics, y):
    return lambda z, gamma: physics.prox_l2(z, y, gamma)


def data_prox(physics, y, tolerance=1e-4, max_iter=30):
    """The proximal operator of the data term, as fast as the operator allows.

    Parameters
    ----------
    physics : deepinv.physics.Physics
        The operator A. If it is not linear, it has a gradient and keeps float64.
    y : tensor
        Measurements.
    tolerance, max_iter : float, int
        Relative residual and budget of the conjugate gradient where a linear A needs it.

    Returns
    -------
    prox : callable
        `prox(z, gamma)` is `argmin_x gamma / 2 ||A x - y||^2 + 1 / 2 ||x - z||^2`, of
        the shape (1, C, *spatial) of z.
    exact : bool
        True if this is a closed form, False if it is a conjugate gradient started at z, or
        one step of `gauss_newton_steps` from there where A is not linear.
    """
    if not is_linear(physics):
        return gauss_newton_prox(physics, y), False
    closed = closed_form_prox(physics, y)
    if closed is not None:
        return closed, True
    target = physics.A_adjoint(y)

    def prox(z, gamma):
        # physics.prox_l2 would store max_iter and tol in the physics.
        return conjugate_gradient(
            lambda x: physics.A_adjoint_A(x) + x / gamma,
            target + z / gamma,
            max_iter=max_iter,
            tol=tolerance,
            init=z,
        )

    return prox, False


def gauss_newton_prox(physics, y):
    """The proximal operator of `data_prox`, with A linearised at z.

    Splitting methods call it again and again, which makes up for a single step.
    """

    def prox(z, gamma):
        prior = Tikhonov(1 / gamma)
        return last(gauss_newton_steps(y, physics, prior, z, iterations=1))

    return prox
