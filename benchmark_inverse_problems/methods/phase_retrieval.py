"""Phase retrieval: x from the magnitudes of B x, for a linear B with B^T B = 1.

Each iterative method is a generator: the start, then one estimate an iteration.
"""

import deepinv as dinv
import numpy as np
import torch
from deepinv.physics import Physics

from ..networks.complex_images import by_parts
from ..physics.facts import background, image_shape, linear_part
from ..physics.noise import noise_level, with_noise
from ..support.checks import check_known
from ..support.random import normal_like

STARTS = ("flat", "spectral", "random")
POWER_ITERATIONS, TOLERANCE = 600, 1e-4
# Least value of the weights of the spectral method; far smaller ones slow it down.
LEAST_WEIGHT = -3.0
# Keeps the root of an intensity from its corner at zero.
TINY = 1e-8
# Least noise level that networks are told.
FLOOR = 1 / 255


def magnitudes(z):
    """|z| of parts side by side (B, 2K, H, W), as (B, 2K, H, W)."""
    real, imaginary = z.chunk(2, 1)
    return torch.hypot(real, imaginary).repeat(1, 2, 1, 1)


def amplitudes(y):
    """The measured |B x|, twice side by side."""
    return y.clamp(min=0).sqrt().repeat(1, 2, 1, 1)


def project(z, b):
    """The numbers with the measured magnitudes that are closest to z."""
    size = magnitudes(z)
    tiny = torch.finfo(z.dtype).tiny
    return torch.where(size > tiny, b * z / size.clamp_min(tiny), b * 2**-0.5)


def amplitude_noise(y, physics):
    """The noise of the measured |B x|, of each of its two parts, a float.

    The root of an intensity I with noise sigma errs by sigma / (2 sqrt(I)), and by about
    sqrt(sigma) / 2 where I is smaller than sigma.
    """
    sigma = noise_level(physics, y)
    if sigma == 0:
        return 0.0
    return float((sigma**2 / (4 * y.clamp(min=sigma))).mean().sqrt()) / 2**0.5


class Amplitudes(Physics):
    """A(x) = |B (b + x)|, (B, K, H, W): the root of the intensities.

    Parameters
    ----------
    physics : deepinv.physics.Physics
        Of the intensities |B x|^2.
    sigma : float
        Noise of the amplitudes.
    start : float
        b, the flat image that x is added to.
    """

    def __init__(self, physics, sigma, start):
        super().__init__(noise_model=dinv.physics.GaussianNoise(sigma))
        self.intensities, self.start = physics, start

    def A(self, x, **_):
        # The root has no gradient at zero.
        return (self.intensities.A(self.start + x) + TINY).sqrt()


image_shape.register(Amplitudes, lambda physics, y: image_shape(physics.intensities, y))


def from_amplitudes(y, physics, method):
    """What an iterative method finds from the roots of intensities.

    It is for methods that need a gradient. Those of complex images begin near zero, where
    the intensities have none, so they find the difference to a flat image.

    Parameters
    ----------
    y : tensor (1, K, H, W)
        Intensities; what noise made negative counts as zero.
    physics : deepinv.physics.Physics
    method : callable (y, physics) -> iterator of x_hat

    Yields
    ------
    tensor
        The estimates of the method.
    """
    start = background(physics) if image_shape(physics, y)[1] == 2 else 0.0
    # The noise of a complex number is that of two parts.
    sigma = 2**0.5 * amplitude_noise(y, physics)
    for x in method(y.clamp(min=0).sqrt(), Amplitudes(physics, sigma, start)):
        yield start + x


def spectral(y, physics):
    """The leading eigenvector of B^T diag(t) B, with the energy of the measurement.

    The weights are t = 1 - 1 / (y / mean y), the best ones (W. Luo, W. Alghamdi, Y. Lu,
    "Optimal Spectral Initialization for Signal Recovery with Applications to Phase
    Retrieval", IEEE TSP 2019), at least `LEAST_WEIGHT`.

    Parameters
    ----------
    y : tensor (1, K, H, W)
        Intensities.
    physics : deepinv.physics.Physics
        With a `linear_part`.

    Returns
    -------
    tensor (1, C, H, W)
    """
    B = linear_part(physics)
    relative = y / y.mean()
    weights = (1 - 1 / relative.clamp(min=1e-6)).clamp(min=LEAST_WEIGHT)
    # All eigenvalues of the shifted matrix are positive: the largest one leads.
    weights = (weights - LEAST_WEIGHT).repeat(1, 2, 1, 1)
    x = B.A_adjoint(normal_like(weights))
    for _ in range(POWER_ITERATIONS):
        old, x = x / x.norm(), B.A_adjoint(weights * B.A(x / x.norm()))
        if float((x / x.norm() - old).norm()) < TOLERANCE:
            break
    return x / x.norm() * y.clamp(min=0).sum().sqrt()


def first(y, physics, start):
    """The first estimate of an iteration, with the energy of the measurement.

    It is a flat image, the spectral estimate, or that of random phases.

    Raises
    ------
    ValueError
        If the start is not one of `STARTS`.
    """
    check_known("start", start, STARTS)
    if start == "spectral":
        return spectral(y, physics)
    B, b = linear_part(physics), amplitudes(y)
    if start == "random":
        return B.A_adjoint(project(normal_like(b), b))
    x = torch.zeros_like(B.A_adjoint(b))
    x[:, 0] = 1
    return x / x.norm() * y.clamp(min=0).sum().sqrt()


def error_reduction(y, physics, start="flat", iterations=300):
    """x <- B^T P(B x), with P of `project` (Gerchberg and Saxton, Optik 1972)."""
    B, b = linear_part(physics), amplitudes(y)
    x = first(y, physics, start)
    yield x
    for _ in range(iterations):
        x = B.A_adjoint(project(B.A(x), b))
        yield x


def raar(y, physics, start="flat", beta=0.8, iterations=300):
    """Relaxed averaged alternating reflections (D. R. Luke, Inverse Problems 2005).

    With P of `project`, Q = B B^T and reflections R = 2 P - 1, S = 2 Q - 1:

        z <- beta / 2 (S R z + z) + (1 - beta) P z

    The estimate is B^T P z.
    """
    B, b = linear_part(physics), amplitudes(y)
    x = first(y, physics, start)
    z = B.A(x)
    yield x
    for _ in range(iterations):
        near = project(z, b)
        reflected = 2 * near - z
        back = 2 * B.A(B.A_adjoint(reflected)) - reflected
        z = beta / 2 * (back + z) + (1 - beta) * near
        yield B.A_adjoint(project(z, b))


def amplitude_flow(
    y, physics, start="spectral", step=0.6, truncation=0.7, iterations=300
):
    """Gradient descent on 1/2 || |B x| - b ||^2.

    G. Wang, G. Giannakis, Y. Eldar, "Solving Systems of Random Quadratic Equations via
    Truncated Amplitude Flow", IEEE TIT 2018: the gradient leaves out what has |B x| below
    b / (1 + truncation), whose phase is not to be trusted.
    """
    B, b = linear_part(physics), amplitudes(y)
    x = first(y, physics, start)
    yield x
    for _ in range(iterations):
        z = B.A(x)
        trusted = magnitudes(z) >= b / (1 + truncation)
        x = x - step * B.A_adjoint(trusted * (z - project(z, b)))
        yield x


def part_by_part(network):
    """A method for z = B x + noise with complex x, of a network for gray images.

    B^T B = 1, so B^T z is x with white noise. The two parts of x are gray images, see
    `by_parts`.

    Parameters
    ----------
    network : callable (y, physics) -> x_hat
    """

    def restore(z, B):
        noise = dinv.physics.GaussianNoise(B.noise_model.sigma / 2)
        denoising = dinv.physics.Denoising(noise)
        return by_parts(B.A_adjoint(z), lambda part: network(part, denoising))

    return restore


def gerchberg_saxton(y, physics, restore, start=0.2, steps=40):
    """Gerchberg and Saxton's projections with a method that restores between them.

        z <- P(B x),   x <- restore(z, B with noise of level s_k)

    The first x is flat. The levels s_k fall geometrically from `start` to that of the
    measured magnitudes: at first the phases are wrong, which is as bad as strong noise.

    Parameters
    ----------
    y : tensor (1, K, H, W)
        Intensities.
    physics : deepinv.physics.Physics
        With a `linear_part`.
    restore : callable (z, B) -> x
        A method for the linear problem z = B x + noise.
    start : float
        The first level.
    steps : int

    Yields
    ------
    tensor (1, C, H, W)
    """
    B, b = linear_part(physics), amplitudes(y)
    last = max(amplitude_noise(y, physics), FLOOR)
    x = first(y, physics, "flat")
    yield x
    for level in np.geomspace(max(start, last), last, steps).tolist():
        x = restore(project(B.A(x), b), with_noise(B, level))
        yield x
