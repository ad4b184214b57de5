"""Compressed sensing: a few coefficients of a scrambled image."""

import numpy as np
import torch
from deepinv.physics import DecomposablePhysics
from deepinv.physics.functional import dct_2d, idct_2d

from ..catalogue import operator
from ..facts import displayed, family, in_image_space, measured, stretched


class CompressedSensing(DecomposablePhysics):
    """Some coefficients of the cosine transform of an image with random signs.

    A = M C D: D changes signs of pixels, C is the orthonormal two-dimensional cosine
    transform of each channel, M keeps some coefficients and sets the others to zero. The
    signs make all coefficients alike (T. Do et al., "Fast and Efficient Compressive
    Sensing Using Structurally Random Matrices", IEEE TSP 2012).

    Parameters
    ----------
    signs, mask : tensor (C, H, W)
        Of -1 and 1, and of 0 and 1.
    """

    def __init__(self, signs, mask):
        super().__init__(img_size=tuple(signs.shape), mask=mask[None])
        self.register_buffer("signs", signs)

    def V_adjoint(self, x):
        return dct_2d(self.signs * x, norm="ortho")

    def V(self, z):
        return self.signs * idct_2d(z, norm="ortho")

    def U(self, z):
        return z

    def U_adjoint(self, y):
        return y


family.register(CompressedSensing, lambda physics: "compressed_sensing")
in_image_space.register(CompressedSensing, lambda physics: False)
measured.register(CompressedSensing, lambda physics: physics.mask)
displayed.register(CompressedSensing, lambda physics, y: stretched(y))


@operator((3, 16, 20), ratio=0.4)
def compressed_sensing(shape, rng, ratio):
    """Random coefficients of the scrambled cosine transform, the same in all channels.

    Parameters
    ----------
    ratio : float
        Coefficients for each pixel.
    """
    spatial, pixels = tuple(shape[1:]), int(np.prod(shape[1:]))
    signs = 2.0 * rng.randint(0, 2, spatial) - 1
    mask = np.zeros(pixels)
    mask[rng.permutation(pixels)[: round(ratio * pixels)]] = 1
    signs, mask = (
        torch.from_numpy(part).float().view(spatial).expand(shape).clone()
        for part in (signs, mask)
    )
    return CompressedSensing(signs, mask)
