"""Missing pixels."""

import copy

import deepinv as dinv
import numpy as np
import torch
from deepinv.physics import Inpainting

from ..catalogue import operator
from ..facts import crop, family, for_each_measurement, measured
from ..initial_estimate import initial_estimate
from ..normal import FineScales, multiscale

family.register(Inpainting, lambda physics: "inpainting")
measured.register(Inpainting, lambda physics: physics.mask)


@operator((3, 16, 20), keep=0.5)
def inpainting(shape, rng, keep, lines=False, block=1):
    """Keeps a random share of the pixels or of the lines, the same in all channels.

    `block` is the side of square blocks of pixels that are kept or lost together.
    """
    coarse = tuple(-(-n // block) for n in shape[1:])
    mask = random_mask(coarse, rng, keep, lines)
    for axis, n in enumerate(shape[1:]):
        mask = mask.repeat_interleave(block, axis).narrow(axis, 0, n)
    return dinv.physics.Inpainting(img_size=shape, mask=mask.expand(shape))


def random_mask(spatial, rng, keep, lines=False):
    """A mask (*spatial) that is 1 at a random share of the pixels, or of the lines."""
    mask = rng.random_sample((*spatial[:-1], 1) if lines else spatial) < keep
    return torch.from_numpy(np.broadcast_to(mask, spatial).copy()).float()


@for_each_measurement.register(Inpainting)
def _(physics, y):
    # Its mask may be one for all channels.
    physics = copy.deepcopy(physics)
    physics.mask = physics.mask.expand_as(y)
    return physics


@crop.register(Inpainting)  # and Demosaicing
def _(physics, y, place):
    part = copy.deepcopy(physics)
    part.mask = physics.mask.expand(1, *y.shape[1:])[(..., *place)].contiguous()
    part.img_size = tuple(part.mask.shape[1:])
    return y[(..., *place)].contiguous(), part


@multiscale.register(Inpainting)
class MaskScales(FineScales):
    """Masks: all images of a sample at once."""

    def fine(self, x):
        mask = self.physics.mask.to(x).square().unsqueeze(1)
        return (x.unflatten(1, (-1, self.shape[0])) * mask).flatten(1, 2)


@initial_estimate.register(Inpainting)
def _(physics, y):
    return fill(y, physics.mask)


def fill(y, mask, power=4):
    """Shepard's inverse-distance interpolation of missing pixels.

    Missing pixels become the mean of the known ones weighted by `distance^-power`
    (Shepard, 1968), as one normalised convolution (Knutsson and Westin, 1993).

    Parameters
    ----------
    y : tensor
        Image (1, C, *spatial); its values where the mask is 0 are not used.
    mask : tensor
        1 where a pixel is known and 0 elsewhere, broadcastable to y.

    Returns
    -------
    tensor
        Image like y, equal to y where the mask is 1.
    """
    spatial = y.shape[2:]
    axes = tuple(range(2, y.ndim))
    mask = mask.to(y.dtype).expand_as(y)
    # Twice the size: the kernel reaches every pixel and none across the border.
    size = [2 * n for n in spatial]
    squared = sum(
        torch.fft.fftfreq(n, 1 / n, device=y.device)
        .square()
        .view(-1, *[1] * (len(size) - 1 - axis))
        for axis, n in enumerate(size)
    )
    kernel = squared.clamp(min=1).pow(-power / 2).double()
    spectrum = torch.fft.rfftn(kernel)
    inside = (..., *(slice(n) for n in spatial))

    def spread(x):
        x = torch.fft.rfftn(x.double(), s=size, dim=axes) * spectrum
        return torch.fft.irfftn(x, s=size, dim=axes)[inside]

    weight = spread(mask)
    # A far pixel still weighs distance^-power: below it there is rounding only.
    tiny = float(sum(n**2 for n in spatial)) ** (-power / 2) / 2
    filled = (spread(mask * y) / weight.clamp(min=tiny)).to(y.dtype)
    return torch.where(mask > 0, y, filled)
