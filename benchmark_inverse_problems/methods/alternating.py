"""Blind deblurring by turns: a sharp image with few edges, then its kernel."""

import numpy as np
import scipy  # it imports its parts at the first use
import torch
from torch.nn.functional import interpolate

from ..physics.kernels import SIZE, no_blur, transfer
from .blind import NaturalSpectrum

# Penalties that are tried.
WEIGHTS = (0.05, 0.1, 0.2, 0.4)
# Side of a kernel at the coarsest scale, in pixels, and the ratio of scales. The finest one
# has SIZE, if the image is not smaller.
LEAST, RATIO = 5, 2**-0.5
TURNS = 5
# Of the least squares for the kernel, per pixel of the image, at a noise of zero.
RIDGE = 1e-4
# Numbers of a kernel below this share of its largest are noise.
SHARE = 0.15
# Separate pieces of a kernel with less than this share of its sum are noise.
PIECE = 0.1
# The last weight of the gradient's copy, and its growth.
LAST_COPY, GROWTH = 1e5, 2
# By what the penalty of edges is divided after each turn, and how far.
DECAY, LEAST_WEIGHT = 1.1, 0.1


def likeliest_kernel(y, sigma, weights=WEIGHTS, exponent=2.4):
    """The likeliest of the kernels of several penalties and of no blur, (1, 1, h, w).

    A penalty that is wrong for a picture gives a wrong kernel, and a picture without edges
    gives none. The likelihood is that of `NaturalSpectrum`, which sees no edges.

    Parameters
    ----------
    y : tensor (1, C, H, W)
        In [0, 1].
    sigma : float
        The noise, above zero.
    weights : sequence of float
        See `kernel_by_turns`.
    exponent : float
        See `NaturalSpectrum`.
    """
    found = [kernel_by_turns(y, sigma, weight) for weight in weights]
    return likeliest([no_blur(), *found], y, sigma, exponent)


def likeliest(kernels, y, sigma, exponent=2.4):
    """The likeliest of some kernels (1, 1, h, w), see `NaturalSpectrum`."""
    misfit = NaturalSpectrum(y, sigma, exponent).misfit
    return min(kernels, key=lambda kernel: misfit(kernel.cpu())).to(y.device)


def kernel_by_turns(y, sigma, weight):
    """The kernel of a blur, (1, 1, SIZE, SIZE), non-negative with sum one.

    L. Xu, S. Zheng and J. Jia, "Unnatural L0 Sparse Representation for Natural Image
    Deblurring", CVPR 2013, in the form of J. Pan et al., "Deblurring Text Images via
    L0-Regularized Intensity and Gradient Prior", CVPR 2014, without their prior of
    intensity. From coarse to fine scales the two problems

        min_x |k * x - y|^2 + weight var(y) |grad x|_0,
        min_k |k * grad x - grad y|^2 + ridge |k|^2

    are solved by turns. Convolutions are circular.

    Parameters
    ----------
    y : tensor (1, C, H, W)
        In [0, 1].
    sigma : float
        The noise. An edge must be above it: the least penalty is sigma^2.
    weight : float
        Penalty of each pixel with an edge, over the variance of y.
    """
    y = y.mean(1, keepdim=True).double()
    least_side = min(y.shape[2:])
    sizes = kernel_sizes(min(SIZE, least_side - (least_side + 1) % 2))
    kernel = torch.zeros(1, 1, LEAST, LEAST).to(y)
    kernel[..., LEAST // 2, LEAST // 2 - 1 : LEAST // 2 + 1] = 0.5
    for size in sizes:
        shape = [max(size, round(n * size / sizes[-1])) for n in y.shape[2:]]
        small = resized(y, shape)
        kernel = normalised(resized(kernel, [size, size]))
        strength = max(weight * float(y.var()), sigma**2)
        least = LEAST_WEIGHT * strength
        for _ in range(TURNS):
            x = few_edges(small, kernel, strength)
            kernel = kernel_of(x, small, size, sigma)
            strength = max(strength / DECAY, least)
    return kernel.float()


def kernel_sizes(largest):
    """Odd sides of the kernel from the coarsest to the finest scale."""
    sizes = [largest]
    while sizes[-1] > LEAST:
        sizes.append(max(LEAST, 2 * int(sizes[-1] * RATIO / 2) + 1))
    return sizes[::-1]


def resized(x, shape):
    """An image at another scale."""
    return interpolate(x, shape, mode="bicubic", align_corners=False, antialias=True)


def differences(shape, like):
    """Transfer functions (2, H, W/2+1) of the differences along both axes."""
    rows, columns = (
        1 - torch.exp(-2j * torch.pi * f.to(like))
        for f in (torch.fft.fftfreq(shape[0]), torch.fft.rfftfreq(shape[1]))
    )
    return torch.stack(torch.broadcast_tensors(rows[:, None], columns))


def few_edges(y, kernel, weight):
    """The image (1, 1, H, W) that explains y by a kernel with few edges."""
    shape = y.shape[2:]
    k, grad = transfer(kernel, shape), differences(shape, y)
    blurred, power = k.conj() * torch.fft.rfft2(y), k.abs().square()
    change = grad.abs().square().sum(0)
    x, copy = y, 2 * weight
    while copy < LAST_COPY:
        edges = torch.fft.irfft2(grad * torch.fft.rfft2(x), s=shape)
        strong = edges.square().sum(1, keepdim=True) >= weight / copy
        edges = torch.fft.rfft2(edges * strong)
        pulled = (grad.conj() * edges).sum(1, keepdim=True)
        spectrum = (blurred + copy * pulled) / (power + copy * change)
        x = torch.fft.irfft2(spectrum, s=shape)
        copy *= GROWTH
    return x


def kernel_of(x, y, size, sigma):
    """The kernel (1, 1, size, size) that explains the gradient of y by that of x."""
    shape = y.shape[2:]
    grad = differences(shape, y)
    sharp, blurred = (grad * torch.fft.rfft2(v) for v in (x, y))
    ridge = (RIDGE + sigma**2) * x.numel()
    k = (sharp.conj() * blurred).sum(1, keepdim=True)
    k = k / (sharp.abs().square().sum(1, keepdim=True) + ridge)
    half = size // 2
    k = torch.fft.irfft2(k, s=shape).roll((half, half), (2, 3))[..., :size, :size]
    k = k * (k >= SHARE * k.max())
    pieces, count = scipy.ndimage.label(k[0, 0].cpu().numpy(), np.ones((3, 3)))
    sums = np.bincount(pieces.ravel(), k[0, 0].cpu().numpy().ravel(), count + 1)
    kept = sums >= PIECE * sums.sum()
    return centred(normalised(k * torch.from_numpy(kept[pieces]).to(k.device)))


def normalised(kernel):
    """A kernel without negative numbers and of sum one; no blur if nothing is left."""
    kernel = kernel.clamp_min(0)
    if kernel.sum() <= 0:
        kernel = torch.zeros_like(kernel)
        kernel[..., kernel.shape[2] // 2, kernel.shape[3] // 2] = 1
    return kernel / kernel.sum()


def centred(kernel):
    """A kernel whose centre of mass is its middle."""
    values = kernel[0, 0].cpu().numpy()
    middle = [(n - 1) / 2 for n in values.shape]
    offset = np.subtract(middle, scipy.ndimage.center_of_mass(values))
    values = scipy.ndimage.shift(values, offset, order=1)
    return normalised(torch.from_numpy(values)[None, None].to(kernel))
