"""Circular blurs, which the Fourier transform diagonalises."""

import deepinv as dinv
import numpy as np
import torch
from deepinv.physics import BlurFFT

from ..catalogue import operator
from ..facts import family
from ..kernels import anisotropic_kernel, gaussian_kernel, motion_kernel, no_blur
from ..normal import FACTORS, FineScales, multiscale

family.register(BlurFFT, lambda physics: "blur")


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
    if min(shape[-2:]) < max(kernel.shape[-2:]):
        raise ValueError(
            f"A blur of {kernel.shape[-2]}x{kernel.shape[-1]} pixels needs a larger "
            f"image than {shape[-2]}x{shape[-1]}: use larger images or crop=none."
        )
    return dinv.physics.BlurFFT(img_size=shape, filter=kernel)


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
