"""Sparsity in translation-invariant wavelets."""

import torch
from torch.nn.functional import conv2d, pad

from .total_variation import Analysis, minimise

LEVELS = 4
# Daubechies' orthonormal filter with two vanishing moments (Daubechies, 1988, table 1),
# divided by sqrt(2). Low and high pass then keep the energy without down-sampling.
_ROOT = 3**0.5
LOW = torch.tensor([1 + _ROOT, 3 + _ROOT, 3 - _ROOT, 1 - _ROOT]) / 8
HIGH = LOW.flip(0) * torch.tensor([1, -1, 1, -1])
TAPS = len(LOW)
# Approximation and three details, (4, 1, TAPS, TAPS).
KERNELS = torch.stack([torch.outer(a, b) for a in (LOW, HIGH) for b in (LOW, HIGH)])
KERNELS = KERNELS[:, None]


def levels(size):
    """The number of levels for an image of (H, W) pixels.

    The filters of a level must not be longer than the image, but there is always one
    level.
    """
    fitting = [j for j in range(LEVELS) if (TAPS - 1) * 2**j <= min(size)]
    return max(len(fitting), 1)


def details(x):
    """Detail coefficients (levels, C, 3, H, W) of the undecimated transform.

    Level j is divided by 2^j. The l1 norm is then the mean, over all circular shifts of
    the image, of the l1 norm of its orthonormal detail coefficients. This is the norm
    of cycle spinning (Coifman and Donoho, 1995).
    """
    low, bands = x[0][:, None], []
    kernels = KERNELS.to(x).flip(-1, -2)
    for j in range(levels(x.shape[-2:])):
        reach = (TAPS - 1) * 2**j
        low = pad(low, (reach, 0, reach, 0), mode="circular")
        low = conv2d(low, kernels, dilation=2**j)
        bands.append(low[:, 1:] / 2 ** (j + 1))
        low = low[:, :1]
    return torch.stack(bands)


def details_adjoint(bands):
    """The adjoint of `details`, (1, C, H, W)."""
    low = torch.zeros_like(bands[0, :, :1])
    kernels = KERNELS.to(bands).transpose(0, 1)
    for j in reversed(range(len(bands))):
        reach = (TAPS - 1) * 2**j
        low = torch.cat((low, bands[j] / 2 ** (j + 1)), 1)
        low = conv2d(
            pad(low, (0, reach, 0, reach), mode="circular"), kernels, dilation=2**j
        )
    return low[None, :, 0]


# The transform keeps the energy, and the largest factor of a level is 1/2.
WAVELETS = Analysis(details, details_adjoint, torch.abs, 0.25)


def wavelet(y, physics, weight, tolerance=3e-3, max_iter=400):
    """`argmin_x 1/2 ||A x - y||^2 + weight * ||W x||_1`.

    W is the undecimated Daubechies-2 transform of four levels without its coarse
    approximation, scaled as in `details`, channel by channel. It is circular, and
    therefore exact for every H and W. deepinv's WaveletDenoiser is no proximal operator
    at the border, because its padding adds coefficients. It is not invariant to shifts.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, H, W) with values about [0, 1].
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
        The image (1, C, H, W).

    Raises
    ------
    ValueError
        If `weight` is not positive.
    """
    return minimise(y, physics, WAVELETS, weight, tolerance, max_iter)
