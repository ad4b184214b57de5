"""Methods for any operator with a gradient, linear or not."""

import torch
from deepinv.optim.linear import conjugate_gradient

from ..physics.derivatives import jacobian, jacobian_adjoint
from ..physics.facts import background
from ..physics.noise import NOISE_FLOOR, noise_level
from ..support.checks import check_known
from ..support.iterates import last
from .total_variation import gradient, gradient_adjoint

PRIORS = ("tikhonov", "tv")
# Rounds off the corner of the total variation, in the range of the image.
SMOOTH = 0.01
CG_ITERATIONS, CG_TOLERANCE = 1000, 1e-6
# Keeps CG from dividing by zero. deepinv's own, 1e-8, is as large as the squared residuals
# of weak measurements and spoils the steps.
CG_FLOOR = 1e-30
# Halvings of a step that does not lower the objective.
HALVINGS = 6


class Prior:
    """weight * 1/2 ||x||^2 or weight * sum sqrt(|grad x|^2 + SMOOTH^2).

    Here x is the difference of an image to the background.

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


def empty_image(physics, shape, y):
    """The image of the background, from which methods start."""
    return torch.full(shape, background(physics)).to(y)


def gauss_newton(y, physics, shape, weight, prior="tv", iterations=10, tolerance=0.0):
    """`argmin_x 1/2 ||A(x) - y||^2 + prior(x - b)` by the Gauss-Newton method.

    b is the background. With the Jacobian J at x, each step d solves, by conjugate
    gradients,

        (J^T J + L_x) d = J^T (y - A(x)) - L_x (x - b)

    where the quadratic L_x touches the prior at x (C. Vogel, M. Oman, "Iterative Methods for
    Total Variation Denoising", SIAM J. Sci. Comput. 1996). A step that does not lower the
    objective is halved.

    Parameters
    ----------
    y : tensor
    physics : deepinv.physics.Physics
        A has a gradient and keeps float64.
    shape : tuple of int
        (1, C, *spatial) of the image. The first estimate is the background.
    weight : float
        Of the prior, in noise levels; noise below `NOISE_FLOOR` counts as it.
    prior : {"tikhonov", "tv"}
    iterations : int
        Most steps.
    tolerance : float
        Of the objective: it ends with the first step that gains no more than this share.

    Yields
    ------
    tensor
        The background, then one estimate a step. It ends where no step lowers the
        objective.
    """
    prior = Prior(prior, weight * max(noise_level(physics, y), NOISE_FLOOR))
    x = start = empty_image(physics, shape, y)

    def objective(x):
        return float((physics.A(x) - y).square().sum()) / 2 + prior.value(x - start)

    value = objective(x)
    yield x
    for _ in range(iterations):
        step = gauss_newton_step(y, physics, x, start, prior.quadratic(x - start))
        for _ in range(HALVINGS):
            ahead = objective(x + step)
            if ahead < value:
                break
            step = step / 2
        else:
            return
        settled = value - ahead <= tolerance * value
        x, value = x + step, ahead
        yield x
        if settled:
            return


def variation_of_any(y, physics, shape, weight, tolerance=1e-3, iterations=50):
    """The minimiser of total variation for any operator with a gradient.

    The last estimate of `gauss_newton`, which see.
    """
    steps = gauss_newton(y, physics, shape, weight, "tv", iterations, tolerance)
    return last(steps)


def gauss_newton_step(y, physics, x, start, quadratic):
    """The full step of `gauss_newton` at x, in float64; `start` is the background."""
    exact = x.double()
    times, adjoint = jacobian(physics, exact)
    misfit = y.double() - physics.A(exact)
    right = adjoint(misfit) - quadratic(exact - start)

    def system(d):
        return adjoint(times(d)) + quadratic(d)

    found = conjugate_gradient(
        system, right, max_iter=CG_ITERATIONS, tol=CG_TOLERANCE, eps=CG_FLOOR
    )
    return found.to(x.dtype)


def linearised(y, physics, shape, weight):
    """`argmin_x 1/2 ||A(b) + J (x - b) - y||^2 + weight * 1/2 ||x - b||^2`.

    J is the Jacobian at the background b. See `gauss_newton`.
    """
    prior = Prior("tikhonov", weight * max(noise_level(physics, y), NOISE_FLOOR))
    start = empty_image(physics, shape, y)
    step = gauss_newton_step(y, physics, start, start, prior.quadratic(0 * start))
    return start + step


def gradient_descent(y, physics, shape, weight, prior="tv", iterations=200, lr=0.05):
    """The objective of `gauss_newton` by Adam, from backpropagated gradients.

    Yields
    ------
    tensor
        The background, then one estimate a step.
    """
    prior = Prior(prior, weight * max(noise_level(physics, y), NOISE_FLOOR))
    start = empty_image(physics, shape, y)
    x = start.clone()
    optimiser = torch.optim.Adam([x], lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, iterations)
    yield x.clone()
    for _ in range(iterations):
        residual = physics.A(x) - y
        slope = prior.quadratic(x - start)(x - start)
        x.grad = jacobian_adjoint(physics, x, residual) + slope
        optimiser.step()
        schedule.step()
        yield x.clone()
