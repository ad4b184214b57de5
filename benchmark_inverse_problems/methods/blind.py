"""Blind deblurring: find the kernel, then restore with it."""

from itertools import product

import numpy as np
import scipy  # it imports its parts at the first use
import torch
from torch.nn.functional import pad

from ..judge.reconstruction import Estimate
from ..physics.facts import local_kernels
from ..physics.kernels import anisotropic_kernel
from ..physics.noise import noise_level, with_noise
from ..physics.operators.blur import circular_blur, product_convolution

# Standard deviations and directions that are tried before the best is refined.
STDS = (0.5, 0.8, 1.2, 1.6, 2.0, 2.5, 3.0, 3.6, 4.2)
ANGLES = 8
# Least noise level, so that the likelihood exists.
FLOOR = 1 / 255


class NaturalSpectrum:
    """The likelihood of kernels, for images with a power spectrum |f|^-2p.

    With Y the Fourier transform of y, k the kernel and c the power of the image, each
    frequency has the variance v = c |K|^2 |f|^-2p + sigma^2, and

        - log p(y | k) = sum log v + |Y|^2 / v + constant.

    The best c is taken for each kernel. Pictures are no circles: their border shows at the
    frequencies on the axes, which are left out. The spectrum of natural images is that of
    D. Field, "Relations Between the Statistics of Natural Images and the Response Properties of
    Cortical Cells", JOSA A, 1987.

    Parameters
    ----------
    y : tensor (1, C, H, W)
    sigma : float
        The noise.
    exponent : float
        2p: 2 in the paper.
    """

    def __init__(self, y, sigma, exponent):
        self.size = y.shape[2:]
        frequencies = [np.fft.fftfreq(n) for n in self.size]
        radius = np.hypot(frequencies[0][:, None], frequencies[1])
        self.used = (frequencies[0][:, None] != 0) & (frequencies[1] != 0)
        self.prior = radius[self.used] ** -exponent
        power = torch.fft.fft2(y.double(), norm="ortho").abs().square().mean((0, 1))
        self.power = power.cpu().numpy()[self.used]
        self.noise = sigma**2

    def misfit(self, kernel):
        """- log p(y | k) for the best c, a float."""
        spectrum = torch.fft.fft2(kernel[0, 0].double(), s=self.size).abs().square()
        signal = spectrum.numpy()[self.used] * self.prior

        def value(log_c):
            variance = np.exp(log_c) * signal + self.noise
            return float(np.mean(np.log(variance) + self.power / variance))

        # A start from the strongest frequencies; the rest is a search on a line.
        strong = signal > np.quantile(signal, 0.9)
        excess = np.clip(self.power[strong] - self.noise, 0, None).mean()
        start = np.log(max(excess / signal[strong].mean(), 1e-12))
        found = scipy.optimize.minimize(
            lambda p: value(p[0]),
            [start],
            method="Nelder-Mead",
            options={"xatol": 0.02, "fatol": 1e-5},
        )
        return float(found.fun)


def gaussian_by_likelihood(y, sigma, exponent):
    """The Gaussian kernel with the largest likelihood, (1, 1, n, n).

    Parameters
    ----------
    y : tensor (1, C, H, W)
    sigma : float
    exponent : float
        See `NaturalSpectrum`.
    """
    model = NaturalSpectrum(y, sigma, exponent)
    # Kernels with equal deviations have no direction.
    tried = [(a, a, 0.0) for a in STDS]
    angles = np.pi * np.arange(ANGLES) / ANGLES
    tried += [(a, b, t) for a, b, t in product(STDS, STDS, angles) if a > b]

    def misfit(shape):
        stds = np.clip(shape[:2], 0.3, 2 * STDS[-1])
        if 2 * int(max(stds) / 0.3 + 1) + 1 > min(y.shape[2:]):
            return np.inf
        return model.misfit(anisotropic_kernel(stds, shape[2]))

    best = min(tried, key=misfit)
    refined = scipy.optimize.minimize(
        misfit, best, method="Nelder-Mead", options={"xatol": 0.02, "maxiter": 60}
    )
    return anisotropic_kernel(np.clip(refined.x[:2], 0.3, 2 * STDS[-1]), refined.x[2])


def restored(y, physics, blur, restore, inflation=1.0):
    """The image that a method restores with a blur, and the kernels of the blur.

    Parameters
    ----------
    y : tensor (1, C, H, W)
    physics : deepinv.physics.Physics
        With the noise.
    blur : deepinv.physics.LinearPhysics
        The blur that was found.
    restore : callable (y, physics) -> x_hat
    inflation : float
        Factor on the noise level that the method is told: a wrong kernel misfits y, too.

    Returns
    -------
    Estimate
    """
    blur = with_noise(blur.to(y.device), inflation * noise_level(physics, y))
    return Estimate(restore(y, blur), kernel=local_kernels(blur))


def with_kernel(y, physics, restore, find, inflation=1.0):
    """The image that a method restores with the kernel that another one finds.

    A blur that varies gets one kernel, too. On the development images that is better than
    kernels of nine parts of the image: a small part tells little of its kernel.

    Parameters
    ----------
    y, physics, restore, inflation
        See `restored`.
    find : callable (y, sigma) -> kernel
        From (1, C, H, W) to (1, 1, h, w).

    Returns
    -------
    Estimate
    """
    sigma = max(noise_level(physics, y), FLOOR)
    blur = circular_blur(y.shape[1:], find(y, sigma))
    return restored(y, physics, blur, restore, inflation)


def with_network(y, physics, restore, network, inflation=1.0):
    """The image that a method restores with the varying blur that a network finds.

    Parameters
    ----------
    y, physics, restore, inflation
        See `restored`.
    network : deepinv.models.KernelIdentificationNetwork

    Returns
    -------
    Estimate
    """
    rows, columns = y.shape[2:]
    # The network halves the image five times.
    found = network(pad(y, (0, -columns % 32, 0, -rows % 32), mode="circular"))
    weights = found["multipliers"][..., :rows, :columns]
    blur = product_convolution(found["filters"], weights)
    return restored(y, physics, blur, restore, inflation)
