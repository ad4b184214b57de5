"""Methods for any operator with a gradient, linear or not."""

import torch
from deepinv.optim.linear import conjugate_gradient

from ..physics.derivatives import jacobian_adjoint, jacobian_times
from ..physics.noise import NOISE_FLOOR, noise_level
from ..support.checks import check_known
from .total_variation import gradient, gradient_adjoint

PRIORS = ("tikhonov", "tv")
# Rounds off the corner of the total variation, in the range of the image.
SMOOTH = 0.01
CG_ITERATIONS, CG_TOLERANCE = 40, 1e-3
# Halvings of a step that does not lower the objective.
HALVINGS = 6


class Prior:
    """weight * 1/2 ||x||^2 or weight * sum sqrt(|grad x|^2 + SMOOTH^2).

    Raises
    ------
    ValueError
        If the name is not one of `PRIORS`.
    """

    def __init__(self, name, weight):
        check_known("prior", name, PRIORS)
        self.name, self.weight = name, weight

    def size(self, x):
        """The lengths of the gradients, rounded off at zero."""
        return (gradient(x).square().sum(0) + SMOOTH**2).sqrt()

    def value(self, x):
        if self.name == "tikhonov":
            return self.weight * float(x.square().sum()) / 2
        return self.weight * float(self.size(x).sum())

    def quadratic(self, x):
        """L_x, the quadratic prior z^T L_x z / 2 that touches this one at x."""
        if self.name == "tikhonov":
            return lambda z: self.weight * z
        inverse = self.weight / self.size(x)
        return lambda z: gradient_adjoint(inverse * gradient(z))


def gauss_newton(y, physics, start, weight, prior="tv", iterations=10):
    """`argmin_x 1/2 ||A(x) - y||^2 + prior(x)` by the Gauss-Newton method.

    With the Jacobian J at x, each step d solves, by conjugate gradients,

        (J^T J + L_x) d = J^T (y - A(x)) - L_x x

    where the quadratic L_x touches the prior at x (C. Vogel, M. Oman, "Iterative Methods for
    Total Variation Denoising", SIAM J. Sci. Comput. 1996). A step that does not lower the
    objective is halved. One step from x = 0 with the prior "tikhonov" is the linearised
    reconstruction, which in scattering is called Born's.

    Parameters
    ----------
    y : tensor
    physics : deepinv.physics.Physics
        A has a gradient and keeps float64.
    start : tensor (1, C, *spatial)
    weight : float
        Of the prior, in noise levels; noise below `NOISE_FLOOR` counts as it.
    prior : {"tikhonov", "tv"}
    iterations : int

    Yields
    ------
    tensor
        The start, then one estimate a step. It ends where no step lowers the objective.
    """
    prior = Prior(prior, weight * max(noise_level(physics, y), NOISE_FLOOR))

    def objective(x):
        return float((physics.A(x) - y).square().sum()) / 2 + prior.value(x)

    x = start
    value = objective(x)
    yield x
    for _ in range(iterations):
        step = gauss_newton_step(y, physics, x, prior.quadratic(x))
        for _ in range(HALVINGS):
            ahead = objective(x + step)
            if ahead < value:
                break
            step = step / 2
        else:
            return
        x, value = x + step, ahead
        yield x


def gauss_newton_step(y, physics, x, quadratic):
    """The full step of `gauss_newton` at x."""
    residual = y - physics.A(x)
    right = jacobian_adjoint(physics, x, residual) - quadratic(x)

    def system(d):
        seen = jacobian_times(physics, x, d)
        return jacobian_adjoint(physics, x, seen) + quadratic(d)

    return conjugate_gradient(
        system, right, max_iter=CG_ITERATIONS, tol=CG_TOLERANCE
    ).to(x.dtype)


def gradient_descent(y, physics, start, weight, prior="tv", iterations=200, lr=0.02):
    """The objective of `gauss_newton` by Adam, from backpropagated gradients.

    Yields
    ------
    tensor
        The start, then one estimate a step.
    """
    prior = Prior(prior, weight * max(noise_level(physics, y), NOISE_FLOOR))
    x = start.clone()
    optimiser = torch.optim.Adam([x], lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, iterations)
    yield x.clone()
    for _ in range(iterations):
        residual = physics.A(x) - y
        x.grad = jacobian_adjoint(physics, x, residual) + prior.quadratic(x)(x)
        optimiser.step()
        schedule.step()
        yield x.clone()
