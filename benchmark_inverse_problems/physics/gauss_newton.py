"""The Gauss-Newton method, for any operator with a gradient, linear or not."""

from deepinv.optim.linear import conjugate_gradient

from .derivatives import jacobian

CG_ITERATIONS, CG_TOLERANCE = 1000, 1e-6
# Keeps CG from dividing by zero. deepinv's own, 1e-8, is as large as the squared residuals
# of weak measurements and spoils the steps.
CG_FLOOR = 1e-30
# Halvings of a step that does not lower the objective.
HALVINGS = 6


class Tikhonov:
    """weight * 1/2 ||d||^2, where d is the difference of an image to a first one."""

    def __init__(self, weight):
        self.weight = weight

    def value(self, d):
        """The value at d, a float."""
        return self.weight * float(d.square().sum()) / 2

    def quadratic(self, d):
        """L_d as a function z -> L_d z: z^T L_d z / 2 touches the value at z = d."""
        return lambda z: self.weight * z


def gauss_newton_steps(y, physics, prior, start, iterations=10, tolerance=0.0):
    """`argmin_x 1/2 ||A(x) - y||^2 + prior(x - start)` by the Gauss-Newton method.

    With the Jacobian J at x, each step d solves, by conjugate gradients,

        (J^T J + L_x) d = J^T (y - A(x)) - L_x (x - start)

    where the quadratic L_x touches the prior at x (C. Vogel, M. Oman, "Iterative Methods for
    Total Variation Denoising", SIAM J. Sci. Comput. 1996). A step that does not lower the
    objective is halved.

    Parameters
    ----------
    y : tensor
    physics : deepinv.physics.Physics
        A has a gradient and keeps float64.
    prior : object
        With `value` and `quadratic`, see `Tikhonov`.
    start : tensor (1, C, *spatial)
        The first estimate.
    iterations : int
        Most steps.
    tolerance : float
        Of the objective: it ends with the first step that gains no more than this share.

    Yields
    ------
    tensor
        `start`, then one estimate a step. It ends where no step lowers the objective.
    """

    def objective(x):
        return float((physics.A(x) - y).square().sum()) / 2 + prior.value(x - start)

    x = start
    yield x
    value = objective(x)
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


def gauss_newton_step(y, physics, x, start, quadratic):
    """The full step of `gauss_newton_steps` at x, found in float64."""
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
