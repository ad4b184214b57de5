"""Methods for any operator with a gradient, linear or not."""

import torch

from ..physics.derivatives import jacobian_adjoint
from ..physics.gauss_newton import Tikhonov, gauss_newton_step, gauss_newton_steps
from ..physics.initial_estimate import empty_image
from ..physics.noise import NOISE_FLOOR, noise_level
from ..support.checks import check_known
from ..support.iterates import last
from .total_variation import gradient, gradient_adjoint

# Rounds off the corner of the total variation, in the range of the image.
SMOOTH = 0.01


class Variation:
    """weight * sum sqrt(|grad d|^2 + SMOOTH^2), see `Tikhonov`."""

    def __init__(self, weight):
        self.weight = weight

    def size(self, d):
        """The lengths of the gradients, rounded off at zero."""
        return (gradient(d).square().sum(0) + SMOOTH**2).sqrt()

    def value(self, d):
        return self.weight * float(self.size(d).sum())

    def quadratic(self, d):
        inverse = self.weight / self.size(d)
        return lambda z: gradient_adjoint(inverse * gradient(z))


PRIORS = {"tikhonov": Tikhonov, "tv": Variation}


def weighted(prior, weight, physics, y):
    """A prior by its name.

    Parameters
    ----------
    prior : {"tikhonov", "tv"}
    weight : float
        In noise levels; noise below `NOISE_FLOOR` counts as it.

    Raises
    ------
    ValueError
        If the name is not one of `PRIORS`.
    """
    check_known("prior", prior, PRIORS)
    return PRIORS[prior](weight * max(noise_level(physics, y), NOISE_FLOOR))


def gauss_newton(y, physics, shape, weight, prior="tv", iterations=10, tolerance=0.0):
    """`argmin_x 1/2 ||A(x) - y||^2 + prior(x - b)` by the Gauss-Newton method.

    b is the background. See `gauss_newton_steps`.

    Parameters
    ----------
    y, physics, iterations, tolerance
        See `gauss_newton_steps`.
    shape : tuple of int
        (1, C, *spatial) of the image.
    weight, prior
        See `weighted`.

    Yields
    ------
    tensor
        The background, then one estimate a step. It ends where no step lowers the
        objective.
    """
    prior = weighted(prior, weight, physics, y)
    start = empty_image(physics, shape, y)
    return gauss_newton_steps(y, physics, prior, start, iterations, tolerance)


def variation_of_any(y, physics, shape, weight, tolerance=1e-3, iterations=50):
    """The minimiser of total variation for any operator with a gradient.

    The last estimate of `gauss_newton`, which see.
    """
    steps = gauss_newton(y, physics, shape, weight, "tv", iterations, tolerance)
    return last(steps)


def linearised(y, physics, shape, weight):
    """`argmin_x 1/2 ||A(b) + J (x - b) - y||^2 + weight * 1/2 ||x - b||^2`.

    J is the Jacobian at the background b. See `gauss_newton`.
    """
    prior = weighted("tikhonov", weight, physics, y)
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
    prior = weighted(prior, weight, physics, y)
    start = empty_image(physics, shape, y)
    x = start.clone()
    optimiser = torch.optim.Adam([x], lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, iterations)
    yield x.clone()
    for _ in range(iterations):
        slope = prior.quadratic(x - start)(x - start)
        x.grad = jacobian_adjoint(physics, x, physics.A(x) - y) + slope
        optimiser.step()
        schedule.step()
        yield x.clone()
