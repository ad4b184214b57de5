"""Kernels of blurs."""

from functools import cache

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch.nn.functional import pad

# Side of the kernels of cameras' paths, in pixels.
SIZE = 31
# Points of the path of a kernel that is drawn anew at each step: the Cholesky factor of all
# 1000 would slow the step.
QUICK_PATH = 250


@cache
def linear_algebra():
    """The threads of numpy's linear algebra; finding the libraries takes a millisecond."""
    return ThreadpoolController().select(user_api="blas")


def camera_path(rng, length_scale, std, points, axes):
    """The movement of a camera during the exposure, an array (points, axes).

    Each axis is a Gaussian process with a Matern 3/2 covariance (Schuler et al., "Learning
    to deblur", TPAMI 2016).
    """
    time = np.linspace(0, 1, points)
    distance = np.sqrt(3) * np.abs(time[:, None] - time) / length_scale
    covariance = std**2 * (1 + distance) * np.exp(-distance)
    # The eigenvectors of a covariance are defined up to their signs, which
    # differ between LAPACK builds; the Cholesky factor is unique.
    # One thread: the last digits depend on the number of threads, and a second thread may
    # wait a quarter of a second for a core that another run has.
    with linear_algebra().limit(limits=1):
        factor = np.linalg.cholesky(covariance + 1e-6 * np.eye(points))
        return factor @ rng.standard_normal((points, axes))


def drawn(path, size):
    """The kernel (1, 1, size, size) of a path (points, 2), in units of a quarter of it."""
    path = (path - path.mean(0)) * size / 4 + size // 2
    path = np.clip(path, 0, size - 1.001)
    corner = path.astype(int)
    weight = path - corner
    kernel = np.zeros((size, size))
    for row in (0, 1):
        for column in (0, 1):
            share = np.abs(1 - row - weight[:, 0]) * np.abs(1 - column - weight[:, 1])
            np.add.at(kernel, (corner[:, 0] + row, corner[:, 1] + column), share)
    return torch.from_numpy(kernel / kernel.sum())[None, None].float()


def motion_kernel(rng, length_scale, std, size=SIZE, points=1000):
    """A motion blur kernel, (1, 1, size, size), non-negative with sum one.

    Parameters
    ----------
    rng : numpy.random.RandomState
    length_scale : float
        Length scale of the path, in units of the exposure time.
    std : float
        Standard deviation of the path, in units of a quarter of the kernel.
    size : int
        Side of the kernel, in pixels.
    points : int
        Points of the path.
    """
    return drawn(camera_path(rng, length_scale, std, points, 2), size)


def shaken_kernels(rng, length_scale, std, grid, size=SIZE, points=1000):
    """Kernels of a camera that also turns about its axis, (rows * columns, 1, size, size).

    O. Whyte et al., "Non-Uniform Deblurring for Shaken Images", CVPR 2010. The turn moves
    the middle of a side as much as the shift does.

    Parameters
    ----------
    rng, length_scale, std, size, points
        See `motion_kernel`.
    grid : (int, int)
        Places of the kernels, from border to border of the image.
    """
    path = camera_path(rng, length_scale, std, points, 3)
    rows, columns = (np.linspace(-1, 1, n) for n in grid)
    # A small turn moves a point across its direction from the middle.
    places = [np.array([-column, row]) for row in rows for column in columns]
    return torch.cat([drawn(path[:, :2] + path[:, 2:] * p, size) for p in places])


def gaussian_kernel(std):
    """An isotropic Gaussian kernel of `std` pixels, (1, 1, n, n) with sum one.

    The half width is int(std / 0.3 + 1), as in deepinv; written here so that a new
    version of deepinv cannot change the problems.
    """
    half = int(std / 0.3 + 1)
    profile = np.exp(-(np.arange(-half, half + 1) ** 2) / (2 * std**2))
    kernel = np.outer(profile, profile)
    return torch.from_numpy(kernel / kernel.sum())[None, None].float()


def anisotropic_kernel(stds, angle):
    """A Gaussian kernel with two standard deviations, (1, 1, n, n) with sum one.

    Parameters
    ----------
    stds : (float, float)
        Along the direction `angle` and across it, in pixels.
    angle : float
        From the axis of the columns, in radians.
    """
    half = int(max(stds) / 0.3 + 1)
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    along = columns * np.cos(angle) + rows * np.sin(angle)
    across = rows * np.cos(angle) - columns * np.sin(angle)
    kernel = np.exp(-((along / stds[0]) ** 2 + (across / stds[1]) ** 2) / 2)
    return torch.from_numpy(kernel / kernel.sum())[None, None].float()


def no_blur():
    """The kernel of one pixel, (1, 1, 1, 1)."""
    return torch.ones(1, 1, 1, 1)


def transfer(kernel, shape):
    """The real Fourier transform of a kernel with its middle at the origin.

    Parameters
    ----------
    kernel : tensor (..., h, w)
    shape : (int, int)
        (H, W) of the image.

    Returns
    -------
    complex tensor (..., H, W // 2 + 1)
    """
    sides = kernel.shape[-2:]
    rows, columns = (n - k for n, k in zip(shape, sides, strict=True))
    kernel = pad(kernel, (0, columns, 0, rows))
    return torch.fft.rfft2(kernel.roll([-(k // 2) for k in sides], (-2, -1)))
