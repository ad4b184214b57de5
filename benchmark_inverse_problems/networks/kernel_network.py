"""A network that finds the kernel of a blurred image."""

import deepinv as dinv
import torch
from torch import nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from ..physics.kernels import SIZE, transfer
from .weights import choose, load_weights, published

STAGES = 2
# Features of the scales of the U-Nets.
WIDTHS = (32, 48, 64)
# The U-Nets see the image at half of its size, and their own scales halve it twice more.
STEP = 2
MULTIPLE = STEP * 2 ** (len(WIDTHS) - 1)
# Distances in pixels of the differences that compare images; 0 is the image itself.
FILTERS = 0, 1, 2
STRETCH = 10
# The checkpoint of the network for kernels that vary, trained by its authors.
PUBLISHED = "carbajal_kernel_identification_network.pth"


class KernelNetwork(nn.Module):
    """Improve an estimate of the kernel k of y = k * x + n: a sharp image, then a division.

    The stages are those of C. J. Schuler et al., "Learning to Deblur", IEEE TPAMI 2016. A
    U-Net makes a sharp image x of y and of what the Wiener filter restores with the kernel
    so far. Least squares (paper, eq. 5) over filtered images x_i = f_i * x and
    y_i = f_i * y then give the kernel

        F^-1 sum_i conj(F x_i) F y_i / (sum_i |F x_i|^2 + beta).

    A small network makes the next kernel of this one and the last. Convolutions are
    circular as in the suite's operators, so nothing is lost at borders.

    Parameters
    ----------
    stages : int
    widths : tuple of int
        Features of the scales of the U-Nets.
    """

    def __init__(self, stages=STAGES, widths=WIDTHS):
        super().__init__()
        self.stages = nn.ModuleList(Stage(widths) for _ in range(stages))

    def forward(self, y, sigma, kernel):
        """The kernels (B, 1, SIZE, SIZE) of measurements, non-negative with sum one.

        Parameters
        ----------
        y : tensor (B, C, H, W)
            Sides of at least SIZE pixels.
        sigma : float or tensor (B,)
            Standard deviation of the noise.
        kernel : tensor (B, 1, h, w)
            First estimates, non-negative with sum one, of odd sides up to SIZE.
        """
        return self.estimates(y, sigma, kernel)[-1][2]

    def estimates(self, y, sigma, kernel):
        """(sharp image, kernel by division, kernel) of each stage, a list."""
        y, sigma = standardised(y, sigma)
        rows, columns = ((SIZE - n) // 2 for n in kernel.shape[2:])
        kernel, found = pad(kernel, (columns, columns, rows, rows)), []
        for stage in self.stages:
            found.append(stage(y, sigma, kernel))
            kernel = found[-1][2].detach()
        return found


def standardised(y, sigma):
    """Gray images of mean zero and deviation one, and their noise (B, 1, 1, 1)."""
    sigma = torch.as_tensor(sigma, dtype=y.dtype, device=y.device)
    sigma = sigma.reshape(-1, 1, 1, 1) / y.shape[1] ** 0.5
    y = y.mean(1, keepdim=True)
    y = y - y.mean((2, 3), keepdim=True)
    scale = y.std((2, 3), keepdim=True).clamp_min(1e-6)
    return y / scale, (sigma / scale).expand(len(y), 1, 1, 1)


class Stage(nn.Module):
    """A sharp image, its kernel and the next kernel."""

    def __init__(self, widths):
        super().__init__()
        self.sharpen = dinv.models.UNet(
            3 * STEP**2,
            STEP**2,
            residual=False,
            circular_padding=True,
            batch_norm=False,
            channels_per_scale=widths,
        )
        # Logarithms of the weights of the filters and of beta, over STRETCH: they must move
        # farther than the weights of convolutions.
        self.weights = nn.Parameter(torch.tensor([-0.4, 0.0, 0.0]))
        self.beta = nn.Parameter(torch.full((1,), 0.3))
        self.improve = nn.Sequential(
            nn.Conv2d(3, 32, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(32, 32, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(32, 32, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(32, 1, 5, padding=2),
        )

    def forward(self, y, sigma, kernel):
        size = y.shape[2:]
        # Logarithms: noise spans three orders of magnitude.
        level = (sigma + 1e-3).log()
        seen = torch.cat((y, wiener(y, kernel, sigma), level.expand_as(y)), 1)
        change = self.sharpen(pixel_unshuffle(circular(seen, size), STEP)).float()
        x = y + pixel_shuffle(change, STEP)[..., : size[0], : size[1]]
        # Each part learns from its own error: a sharp image that is too bright would make
        # kernels small, and so hide that they are wrong.
        raw = self.divided(y, x.detach(), sigma)
        # Of the order of one, whatever the size of the kernel.
        scale = kernel.flatten(1).norm(dim=1).view(-1, 1, 1, 1) / SIZE
        pair = torch.cat((raw.detach(), kernel), 1) / scale
        change = self.improve(torch.cat((pair, level.expand_as(kernel)), 1)).float()
        k = (kernel + scale * change).relu()
        return x, raw, k / (k.sum((2, 3), keepdim=True) + 1e-6)

    def divided(self, y, x, sigma):
        """The kernels of least squares."""
        size = y.shape[2:]
        weight = spectral_weight(size, (STRETCH * self.weights).exp())
        sharp, blurred = torch.fft.rfft2(x), torch.fft.rfft2(y)
        power = weight * sharp.abs().square()
        beta = (STRETCH * self.beta).exp() * (0.01 + sigma**2)
        beta = beta * power.mean((2, 3), keepdim=True)
        k = torch.fft.irfft2(weight * sharp.conj() * blurred / (power + beta), s=size)
        return k.roll((SIZE // 2, SIZE // 2), (2, 3))[..., :SIZE, :SIZE]


def spectral_weight(size, weights):
    """sum_i w_i |F f_i|^2 of filters: 1, the gradient, the gradient over two pixels."""
    rows, columns = torch.fft.fftfreq(size[0]), torch.fft.rfftfreq(size[1])
    total = weights[0]
    for weight, step in zip(weights[1:], FILTERS[1:], strict=True):
        change = [2 - 2 * torch.cos(2 * torch.pi * step * f) for f in (rows, columns)]
        total = total + weight * (change[0][:, None] + change[1]).to(weights)
    return total


def circular(x, size):
    """x, continued as a circle to multiples of MULTIPLE."""
    rows, columns = (-n % MULTIPLE for n in size)
    return pad(x, (0, columns, 0, rows), mode="circular")


def wiener(y, kernel, sigma):
    """The image of deviation one with a spectrum 1/|f|^2 that explains y best.

    Parameters
    ----------
    y : tensor (B, 1, H, W)
    kernel : tensor (B, 1, SIZE, SIZE)
    sigma : tensor (B, 1, 1, 1)
    """
    size = y.shape[2:]
    frequencies = (torch.fft.fftfreq(size[0]), torch.fft.rfftfreq(size[1]))
    square = frequencies[0][:, None] ** 2 + frequencies[1] ** 2
    square[0, 0] = square[square > 0].min()
    # The power of one pixel is one: the mean over frequencies of prior is one.
    prior = (1 / square / (1 / square).mean()).to(y)
    spectrum = transfer(kernel, size)
    noise = (sigma**2 + 1e-4) / prior
    x = spectrum.conj() * torch.fft.rfft2(y) / (spectrum.abs().square() + noise)
    return torch.fft.irfft2(x, s=size)


def load_kernel_network(weights, solver):
    """Load the network that finds a kernel, or the authors' network of kernels that vary.

    Parameters
    ----------
    weights : {"bundled", "published"}
        "bundled" is a `KernelNetwork`, which finds the kernel of one part of an image.
        "published" is deepinv's `KernelIdentificationNetwork` (G. Carbajal et al., "Blind
        Motion Deblurring with Pixel-Wise Kernel Estimation via Kernel Prediction Networks",
        IEEE Transactions on Computational Imaging, 2023), which finds the filters and the
        weights of a blur that varies.
    solver : str
        Name of the solver, for error messages.

    Raises
    ------
    FileNotFoundError, ValueError
        If the weights are missing or damaged.
    """
    return choose(
        weights,
        bundled=lambda: load_weights(KernelNetwork(), "kernel_network"),
        published=lambda: published(
            dinv.models.KernelIdentificationNetwork, solver, PUBLISHED
        ),
    )
