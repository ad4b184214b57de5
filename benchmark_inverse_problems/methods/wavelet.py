"""Sparsity in translation-invariant wavelets."""

import torch

from .total_variation import Analysis, minimise

LEVELS = 4
# Daubechies' orthonormal filter with two vanishing moments (Daubechies, 1988, table 1),
# over sqrt(2): low and high pass then keep the energy without down-sampling.
_ROOT = 3**0.5
LOW = [(1 + _ROOT) / 8, (3 + _ROOT) / 8, (3 - _ROOT) / 8, (1 - _ROOT) / 8]
HIGH = [LOW[3], -LOW[2], LOW[1], -LOW[0]]


def _filter(x, taps, spread, dim):
    """Circular convolution along `dim`; a negative `spread` gives its adjoint."""
    return sum(tap * x.roll(k * spread, dim) for k, tap in enumerate(taps))


def details(x, levels=LEVELS):
    """Detail coefficients (3 levels, 1, C, H, W) of the undecimated transform.

    Level j is divided by 2^j, so that the l1 norm is the mean, over all circular
    shifts of the image, of the l1 norm of its orthonormal detail coefficients: the
    norm of cycle spinning (Coifman and Donoho, 1995).
    """
    bands = []
    for j in range(levels):
        low, high = (_filter(x, taps, 2**j, -2) for taps in (LOW, HIGH))
        bands += [
            _filter(part, taps, 2**j, -1) / 2 ** (j + 1)
            for part, taps in ((low, HIGH), (high, LOW), (high, HIGH))
        ]
        x = _filter(low, LOW, 2**j, -1)
    return torch.stack(bands)


def details_adjoint(bands):
    """The adjoint of `details`."""
    x = torch.zeros_like(bands[0])
    for j in reversed(range(len(bands) // 3)):
        a, b, c = bands[3 * j : 3 * j + 3] / 2 ** (j + 1)
        low = _filter(x, LOW, -(2**j), -1) + _filter(a, HIGH, -(2**j), -1)
        high = _filter(b, LOW, -(2**j), -1) + _filter(c, HIGH, -(2**j), -1)
        x = _filter(low, LOW, -(2**j), -2) + _filter(high, HIGH, -(2**j), -2)
    return x


# The transform keeps the energy and the largest factor is 1/2.
WAVELETS = Analysis(details, details_adjoint, torch.abs, 0.25)


def wavelet(y, physics, weight, tolerance=1e-3, max_iter=1000):
    """`argmin_x 1/2 ||A x - y||^2 + weight * ||W x||_1`.

    W is the undecimated Daubechies-2 transform of four levels without its coarse
    approximation, scaled as in `details`, channel by channel. It is circular: exact
    for every H and W. deepinv's WaveletDenoiser is no proximal operator at the border
    (its padding adds coefficients) and not invariant to shifts.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, H, W) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A.
    weight : float
        Positive weight: for denoising about the threshold of orthonormal coefficients.
    tolerance, max_iter : float, int
        See `total_variation.minimise`.

    Returns
    -------
    Tensor
        The image (1, C, H, W).

    Raises
    ------
    ValueError
        If `weight` is not positive.
    """
    return minimise(y, physics, WAVELETS, weight, tolerance, max_iter)
