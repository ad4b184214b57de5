"""The fixed operators as data: {name: factory}, and the levels of each family."""

from functools import cache, cached_property

import deepinv as dinv
import numpy as np
import torch
from threadpoolctl import ThreadpoolController

# The levels are ours: the exact settings of the RAM paper's easy, medium and
# hard deblurring could not be read. `std` is in pixels, `sigma` is the noise.
GAUSSIAN_BLUR = {
    "easy": {"std": 1.0, "sigma": 0.01},
    "medium": {"std": 2.0, "sigma": 0.05},
    "hard": {"std": 4.0, "sigma": 0.1},
}
# `length_scale` and `std` shape the camera's random path (see `motion_kernel`).
MOTION_BLUR = {
    "easy": {"length_scale": 0.1, "std": 0.1, "seed": 1, "sigma": 0.01},
    "medium": {"length_scale": 0.6, "std": 0.5, "seed": 2, "sigma": 0.05},
    "hard": {"length_scale": 1.2, "std": 1.0, "seed": 3, "sigma": 0.1},
}
# `keep` is the share of the pixels that are measured.
MISSING_PIXELS = {
    "random_70": {"keep": 0.7, "sigma": 0.01},
    "random_50": {"keep": 0.5, "sigma": 0.01},
    "random_30": {"keep": 0.3, "sigma": 0.01},
    "lines": {"keep": 0.7, "lines": True, "sigma": 0.01},
}
# Pixels of the largest image that random projections take: a matrix of 64 MB.
MOST_PROJECTED = 4096
# Share of the columns around frequency zero that are always measured (fastMRI).
MRI_CENTRE = {4: 0.08, 8: 0.04}


@cache
def linear_algebra():
    """The threads of numpy's linear algebra; finding the libraries takes a millisecond."""
    return ThreadpoolController().select(user_api="blas")


def motion_kernel(rng, length_scale, std, size=31, points=1000):
    """A motion blur kernel, (1, 1, size, size), non-negative with sum one.

    The camera's path is a Gaussian process with a Matern 3/2 covariance
    (Schuler et al., "Learning to deblur", TPAMI 2016).

    Parameters
    ----------
    rng : numpy.random.RandomState
    length_scale : float
        Length scale of the path, in units of the exposure time.
    std : float
        Standard deviation of the path, in units of a quarter of the kernel.
    """
    time = np.linspace(0, 1, points)
    distance = np.sqrt(3) * np.abs(time[:, None] - time) / length_scale
    covariance = std**2 * (1 + distance) * np.exp(-distance)
    # The eigenvectors of a covariance are defined up to their signs, which
    # differ between LAPACK builds; the Cholesky factor is unique.
    # With one thread: how many share the work shows in the last digits, and a second one
    # may wait a quarter of a second for a core that another run has.
    with linear_algebra().limit(limits=1):
        factor = np.linalg.cholesky(covariance + 1e-6 * np.eye(points))
        path = factor @ rng.standard_normal((points, 2))
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


def gaussian_kernel(std):
    """An isotropic Gaussian kernel of `std` pixels, (1, 1, n, n) with sum one.

    The half width is int(std / 0.3 + 1), as in deepinv; written here so that a new
    version of deepinv cannot change the problems.
    """
    half = int(std / 0.3 + 1)
    profile = np.exp(-(np.arange(-half, half + 1) ** 2) / (2 * std**2))
    kernel = np.outer(profile, profile)
    return torch.from_numpy(kernel / kernel.sum())[None, None].float()


def denoising(shape, rng):
    """y = x."""
    return dinv.physics.Denoising()


def gaussian_blur(shape, rng, std):
    """Circular convolution with a Gaussian of standard deviation `std` pixels."""
    return circular_blur(shape, gaussian_kernel(std))


def motion_blur(shape, rng, seed, **path):
    """Circular convolution with one fixed motion kernel."""
    return circular_blur(shape, motion_kernel(np.random.RandomState(seed), **path))


def circular_blur(shape, kernel):
    """Circular convolution with a kernel of sum one, so of norm one.

    Raises
    ------
    ValueError
        If the image is smaller than the kernel.
    """
    if min(shape[-2:]) < max(kernel.shape[-2:]):
        raise ValueError(
            f"A blur of {kernel.shape[-2]}x{kernel.shape[-1]} pixels needs a larger "
            f"image than {shape[-2]}x{shape[-1]}: use larger images or crop=none."
        )
    return dinv.physics.BlurFFT(img_size=shape, filter=kernel)


def downsampling(shape, rng, factor):
    """Bicubic low-pass filter and decimation, circular, as in the RAM and FiRe papers.

    deepinv's operator has a norm of about 1 / factor; multiplied by `factor` it
    would change the protocol's noise level, so it is kept as it is.
    """
    check_size(shape, 8 * factor, f"Down-sampling by {factor}")
    return dinv.physics.Downsampling(
        img_size=shape, filter="bicubic", factor=factor, padding="circular"
    )


def downsampling_matlab(shape, rng, factor):
    """MATLAB's bicubic imresize, the operator of the super-resolution papers."""
    check_size(shape, 8 * factor, f"Down-sampling by {factor}")
    return dinv.physics.DownsamplingMatlab(factor=factor)


def inpainting(shape, rng, keep, lines=False):
    """Keeps a random share of the pixels, or of the lines, the same in all channels."""
    height, width = shape[-2:]
    mask = rng.random_sample((height, 1 if lines else width)) < keep
    mask = torch.from_numpy(np.broadcast_to(mask, (height, width)).copy()).float()
    return dinv.physics.Inpainting(img_size=shape, mask=mask.expand(shape))


def tomography(shape, rng, angles):
    """Parallel-beam Radon transform over 180 degrees, divided by sqrt(angles * width).

    Its norm is then 0.98. The constant replaces deepinv's own normalisation, a power
    method that ends in other digits at each run.

    Raises
    ------
    ValueError
        If the image is not square and gray.
    """
    if shape[0] != 1 or shape[1] != shape[2]:
        raise ValueError(
            f"Tomography needs square gray images and got one of shape {shape}: use "
            "images=ellipses or images=shepp_logan."
        )
    physics = dinv.physics.Tomography(
        angles=angles, img_width=shape[-1], adjoint_via_backprop=True, normalize=False
    )
    physics.register_buffer("operator_norm", torch.tensor((angles * shape[-1]) ** 0.5))
    physics.normalize = True
    return physics


def mri(shape, rng, acceleration, centre):
    """Single-coil Cartesian MRI: full centre, random columns elsewhere.

    Raises
    ------
    ValueError
        If the image is not complex (two channels).
    """
    if shape[0] != 2:
        raise ValueError(
            f"MRI needs complex images (2 channels) and got {shape[0]} channels: use "
            "images=ellipses_complex."
        )
    width = shape[-1]
    columns = int(round(width / acceleration))
    low = int(round(width * centre))
    first = (width - low) // 2
    others = [c for c in range(width) if not first <= c < first + low]
    chosen = rng.permutation(others)[: columns - low]
    mask = torch.zeros(shape[-2:])
    mask[:, first : first + low] = 1
    mask[:, torch.from_numpy(chosen)] = 1
    return dinv.physics.MRI(mask=mask, img_size=shape)


class RandomProjection(dinv.physics.LinearPhysics):
    """Products of an image with the rows of a matrix.

    Parameters
    ----------
    matrix : tensor (m, C H W)
    shape : tuple of int
        (C, H, W) of the image; measurements are (B, 1, m, 1).
    """

    def __init__(self, matrix, shape):
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.shape = tuple(shape)

    def A(self, x, **_):
        return (x.flatten(1) @ self.matrix.T)[:, None, :, None]

    def A_adjoint(self, y, **_):
        return (y.flatten(1) @ self.matrix).view(-1, *self.shape)

    @cached_property
    def eigen(self):
        """Eigenvalues (m,) and eigenvectors (m, m) of A A^T."""
        return torch.linalg.eigh(self.matrix @ self.matrix.T)

    def prox_l2(self, z, y, gamma, **_):
        """argmin over u of gamma / 2 |A u - y|^2 + 1 / 2 |u - z|^2, in closed form."""
        values, vectors = (part.to(z) for part in self.eigen)
        residual = (y - self.A(z)).flatten(1) @ vectors
        gamma = torch.as_tensor(gamma).to(z).view(-1, 1)
        return z + self.A_adjoint(residual / (values + 1 / gamma) @ vectors.T)


def random_projection(shape, rng, ensemble, ratio):
    """Random projections of a small gray image, divided by `projection_norm`.

    Parameters
    ----------
    ensemble : {"gaussian", "binary", "fourier"}
        Standard normal entries, signs, or random rows of the two-dimensional Fourier
        transform, whose real and imaginary parts are two measurements.
    ratio : float
        Rows per pixel.

    Raises
    ------
    ValueError
        If the image is not gray or so large that the matrix would be huge.
    """
    pixels = int(np.prod(shape))
    if shape[0] != 1 or pixels > MOST_PROJECTED:
        raise ValueError(
            f"Random projections need gray images of at most {MOST_PROJECTED} pixels and "
            f"got one of shape {tuple(shape)}: use crop=32 or smaller."
        )
    rows = round(ratio * pixels)
    if ensemble == "gaussian":
        matrix = rng.standard_normal((rows, pixels))
    elif ensemble == "binary":
        matrix = 2.0 * rng.randint(0, 2, (rows, pixels)) - 1
    elif ensemble == "fourier":
        height, width = shape[1:]
        frequencies = rng.permutation(pixels)[:rows]
        u, v = frequencies // width, frequencies % width
        y, x = np.divmod(np.arange(pixels), width)
        turns = np.outer(u / height, y) + np.outer(v / width, x)
        matrix = np.concatenate((np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)))
    else:
        raise ValueError(
            f"ensemble={ensemble} is not known: use gaussian, binary or fourier."
        )
    matrix = torch.from_numpy(matrix / projection_norm(ensemble, ratio, pixels)).float()
    return RandomProjection(matrix, shape)


def projection_norm(ensemble, ratio, pixels):
    """About the norm of a matrix of random projections with entries of size one.

    For random entries the edge of Marchenko and Pastur's law, sqrt(m) + sqrt(n).
    """
    root = pixels**0.5
    return root if ensemble == "fourier" else root * (1 + ratio**0.5)


def check_size(shape, least, what):
    """Raise a ValueError if the image is smaller than `least` pixels a side."""
    if min(shape[-2:]) < least:
        raise ValueError(
            f"{what} needs images of at least {least}x{least} pixels and got one of "
            f"{shape[-2]}x{shape[-1]}: use larger images."
        )


OPERATORS = {
    "denoising": denoising,
    "gaussian_blur": gaussian_blur,
    "motion_blur": motion_blur,
    "downsampling": downsampling,
    "downsampling_matlab": downsampling_matlab,
    "inpainting": inpainting,
    "tomography": tomography,
    "mri": mri,
    "random_projection": random_projection,
}
