"""Circular blurs, which the Fourier transform diagonalises."""

import deepinv as dinv
import numpy as np
import torch
from deepinv.physics import BlurFFT, SpaceVaryingBlur

from ..catalogue import operator
from ..facts import family, local_kernels, squared_transfer, sums_pixels
from ..kernels import (
    anisotropic_kernel,
    gaussian_kernel,
    motion_kernel,
    no_blur,
    shaken_kernels,
)
from ..normal import FACTORS, FineScales, multiscale

# Kernels of a camera that turns, along each side of the image.
GRID = 3, 3
# Places along each side at which kernels that vary are compared.
PLACES = 5

family.register(BlurFFT, lambda physics: "blur")
family.register(SpaceVaryingBlur, lambda physics: "varying blur")


@local_kernels.register(BlurFFT)
def _(physics):
    return physics.filter[:, :1]  # the same for all channels


@local_kernels.register(SpaceVaryingBlur)
def _(physics):
    rows, columns = (
        np.linspace(0, n - 1, PLACES).round().astype(int)
        for n in physics.multipliers.shape[-2:]
    )
    weights = physics.multipliers[0, 0][:, rows][:, :, columns].flatten(1)
    return torch.einsum("kp,khw->phw", weights, physics.filters[0, 0])[:, None]


@squared_transfer.register(BlurFFT)
def _(physics, shape):
    point = torch.zeros(shape, device=physics.filter.device)
    point[..., 0, 0] = 1
    return torch.fft.fft2(physics.A(point)[0, 0]).abs().square()


@sums_pixels.register(BlurFFT)
def _(physics):
    return bool((physics.filter >= 0).all())


@sums_pixels.register(SpaceVaryingBlur)
def _(physics):
    return bool((physics.filters >= 0).all() and (physics.multipliers >= 0).all())


@operator((3, 20, 24), std=1.0)
def gaussian_blur(shape, rng, std):
    """Circular convolution with a Gaussian of standard deviation `std` pixels."""
    return circular_blur(shape, gaussian_kernel(std))


@operator((3, 36, 40), length_scale=0.6, std=0.5, seed=2)
def motion_blur(shape, rng, seed, **path):
    """Circular convolution with one fixed motion kernel."""
    return circular_blur(shape, motion_kernel(np.random.RandomState(seed), **path))


@operator((3, 24, 28), least=1.0, most=2.0)
def random_gaussian_blur(shape, rng, least=1.0, most=3.0, unknown=False):
    """Circular convolution with a Gaussian that each image has for itself.

    Its two standard deviations lie between `least` and `most` pixels, and its direction is
    random. `unknown` is what solvers are told that have to find it: no blur, of this
    family.
    """
    stds, angle = rng.uniform(least, most, 2), rng.uniform(0, np.pi)
    kernel = no_blur() if unknown else anisotropic_kernel(stds, angle)
    return of_family("gaussian", circular_blur(shape, kernel))


@operator((3, 36, 40), length_scale=0.6, std=0.5)
def random_motion_blur(shape, rng, unknown=False, **path):
    """Circular convolution with a motion kernel that each image has for itself."""
    kernel = motion_kernel(rng, **path) if not unknown else no_blur()
    return of_family("motion", circular_blur(shape, kernel))


@operator((3, 36, 40), length_scale=0.6, std=0.5)
def random_varying_blur(shape, rng, unknown=False, **path):
    """The blur of a camera that moves and turns, which each image has for itself."""
    if unknown:
        return of_family("varying", circular_blur(shape, no_blur()))
    kernels = shaken_kernels(rng, grid=GRID, **path)
    return of_family("varying", varying_blur(shape, kernels, GRID))


def of_family(name, physics):
    """The operator, with the family of its kernel, which solvers may know."""
    physics.kernel_family = name
    return physics


def circular_blur(shape, kernel):
    """Circular convolution with a kernel of sum one, so of norm one.

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of the image.
    kernel : tensor (1, 1, h, w)

    Raises
    ------
    ValueError
        If the image is smaller than the kernel.
    """
    check_fits(shape, kernel)
    return dinv.physics.BlurFFT(img_size=shape, filter=kernel)


def check_fits(shape, kernel):
    """Raise a ValueError if an image is smaller than a kernel."""
    if min(shape[-2:]) < max(kernel.shape[-2:]):
        raise ValueError(
            f"A blur of {kernel.shape[-2]}x{kernel.shape[-1]} pixels needs a larger "
            f"image than {shape[-2]}x{shape[-1]}: use larger images or crop=none."
        )


def varying_blur(shape, kernels, grid):
    """A blur with a kernel that changes from place to place; it continues as a circle.

    The kernel of a pixel of the result is interpolated between those of a grid:
    y = sum_j w_j (k_j * x) with bilinear weights w_j that sum to one.

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of the image.
    kernels : tensor (rows * columns, 1, h, w)
        Each of sum one. They lie on a grid of rows by columns.
    grid : (int, int)
        Rows and columns. The outer kernels lie on the border.

    Raises
    ------
    ValueError
        If the image is smaller than the kernels.
    """
    check_fits(shape, kernels)
    rows, columns = map(hats, shape[-2:], grid)
    weights = torch.einsum("ah,bw->abhw", rows, columns).flatten(0, 1)
    return product_convolution(kernels[:, 0][None, None], weights[None, None])


def product_convolution(filters, weights):
    """y = sum_j w_j (k_j * x) with circular convolutions.

    Parameters
    ----------
    filters : tensor (1, 1, K, h, w)
    weights : tensor (1, 1, K, H, W)
    """
    return SpaceVaryingBlur(
        filters=filters,
        multipliers=weights,
        padding="circular",
        use_fft=True,
        mask_first=False,
    )


def hats(n, count):
    """Weights (count, n) of linear interpolation between places along a side."""
    places, pixels = np.linspace(0, 1, count), np.linspace(0, 1, n)
    weights = [np.interp(pixels, places, row) for row in np.eye(count)]
    return torch.from_numpy(np.stack(weights)).float()


@multiscale.register(BlurFFT)
class BlurScales(FineScales):
    """Circular blurs, one filter for the batch or one an image.

    A decimated filter is a filter: U^T A^T A U multiplies the coarse spectrum by the sum
    over the aliases of |A|^2 |U|^2.
    """

    def __init__(self, physics, shape):
        super().__init__(physics, shape)
        self.power = physics.mask[..., 0].square()
        self.spectra = {0: self.power}

    def fine(self, x):
        return self._filter(x, self.power)

    def _filter(self, x, spectrum):
        size = x.shape[-2:]
        x = torch.fft.rfft2(x.unflatten(1, (-1, self.shape[0])))
        return torch.fft.irfft2(x * spectrum.unsqueeze(1), s=size).flatten(1, 2)

    def spectrum(self, scale):
        """The spectrum of s^2 U_s^T A^T A U_s."""
        if scale not in self.spectra:
            s = FACTORS[scale]
            rows, columns = (m[:, 0] for m in self.sides(scale, self.power))
            power = torch.outer(
                torch.fft.fft(rows).abs().square(),
                torch.fft.rfft(columns).abs().square(),
            )
            # Decimating the filter sums its spectrum over the aliases.
            kernel = torch.fft.irfft2(self.power * power, s=self.shape[1:])
            kernel = kernel[..., ::s, ::s]
            self.spectra[scale] = s**2 * torch.fft.rfft2(kernel).real
        return self.spectra[scale]

    def _normal(self, z, scale):
        if not self.aligned:
            return super()._normal(z, scale)
        return self._filter(z, self.spectrum(scale))
