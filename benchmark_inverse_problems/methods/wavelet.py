"""Sparsity in translation-invariant wavelets."""

import torch

from .total_variation import Analysis, minimise, spatial_axes

LEVELS = 4
# Daubechies' orthonormal filter with two vanishing moments (Daubechies, 1988, table 1),
# divided by sqrt(2). Low and high pass then keep the energy without down-sampling.
_ROOT = 3**0.5
LOW = [(1 + _ROOT) / 8, (3 + _ROOT) / 8, (3 - _ROOT) / 8, (1 - _ROOT) / 8]
HIGH = [tap * sign for tap, sign in zip(LOW[::-1], (1, -1, 1, -1), strict=True)]
TAPS = len(LOW)


def split(x, axis, step):
    """Low, then high pass along an axis, circular, with taps `step` pixels apart.

    The first axis becomes twice as long.
    """
    size, reach = x.shape[axis], (TAPS - 1) * step
    x = torch.cat((x.narrow(axis, size - reach, reach), x), axis)
    shifted = [x.narrow(axis, reach - k * step, size) for k in range(TAPS)]
    return torch.cat([weighted(taps, shifted) for taps in (LOW, HIGH)])


def merge(x, axis, step):
    """The adjoint of `split`."""
    size, reach = x.shape[axis], (TAPS - 1) * step
    x = torch.cat((x, x.narrow(axis, 0, reach)), axis)
    shifted = [x.narrow(axis, k * step, size).chunk(2) for k in range(TAPS)]
    low, high = zip(*shifted, strict=True)
    return weighted(LOW, low).add_(weighted(HIGH, high))


def weighted(weights, tensors):
    """The weighted sum of some tensors."""
    total = weights[0] * tensors[0]
    for weight, tensor in zip(weights[1:], tensors[1:], strict=True):
        total.add_(tensor, alpha=weight)
    return total


def levels(size):
    """The number of levels for an image with the sides `size`.

    The filters of a level must not be longer than the image, but there is always one
    level.
    """
    fitting = [j for j in range(LEVELS) if (TAPS - 1) * 2**j <= min(size)]
    return max(len(fitting), 1)


def scale(axes, level):
    """What coefficients of a level are divided by, see `details`."""
    return 2 ** (axes * (level + 1) / 2)


def details(x):
    """Detail coefficients (levels, 2^d - 1, C, *spatial) of the undecimated transform.

    d is the number of spatial axes of x (1, C, *spatial). Level j = 1, 2 ... is divided by
    2^(d j / 2). The l1 norm is then the mean, over all circular shifts of the image, of
    the l1 norm of its orthonormal detail coefficients. This is the norm of cycle spinning
    (Coifman and Donoho, 1995).
    """
    axes, bands = spatial_axes(x), []
    for j in range(levels(x.shape[2:])):
        for axis in axes:
            x = split(x, axis, 2**j)
        bands.append(x[1:] / scale(len(axes), j))
        x = x[:1]
    return torch.stack(bands)


def details_adjoint(bands):
    """The adjoint of `details`, (1, C, *spatial)."""
    axes, x = spatial_axes(bands[0]), torch.zeros_like(bands[0, :1])
    for j in reversed(range(len(bands))):
        x = torch.cat((x, bands[j] / scale(len(axes), j)))
        for axis in reversed(axes):
            x = merge(x, axis, 2**j)
    return x


def wavelets(axes):
    """The norm of detail coefficients of images with some number of spatial axes.

    The transform keeps the energy, and the largest factor of a level is the first one's.
    """
    return Analysis(details, details_adjoint, torch.abs, scale(axes, 0) ** -2)


def wavelet(y, physics, weight, tolerance=3e-3, max_iter=400):
    """`argmin_x 1/2 ||A x - y||^2 + weight * ||W x||_1`.

    W is the undecimated Daubechies-2 transform of four levels without its coarse
    approximation, scaled as in `details`, channel by channel. It is circular, and
    therefore exact for all sides. deepinv's WaveletDenoiser is no proximal operator
    at the border, because its padding adds coefficients. It is not invariant to shifts.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, *spatial) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A.
    weight : float
        Positive weight. For denoising it is about the threshold of orthonormal
        coefficients.
    tolerance, max_iter : float, int
        See `total_variation.minimise`.

    Returns
    -------
    Tensor
        The image (1, C, *spatial).

    Raises
    ------
    ValueError
        If `weight` is not positive.
    """
    axes = physics.A_adjoint(y).ndim - 2
    return minimise(y, physics, wavelets(axes), weight, tolerance, max_iter)
