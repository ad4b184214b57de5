"""Magnetic resonance imaging."""

import deepinv as dinv
import torch
from deepinv.physics import MRI

from ..catalogue import full_centre, operator
from ..facts import displayed, family, in_image_space, measured, stretched

family.register(MRI, lambda physics: "mri")
measured.register(MRI, lambda physics: physics.mask)
in_image_space.register(MRI, lambda physics: False)


@displayed.register(MRI)
def _(physics, y):
    """The logarithm of the magnitude: k-space spans many decades."""
    return stretched((y.norm(dim=1, keepdim=True) + 1e-3).log())


def random_columns(shape, rng, acceleration, centre):
    """A mask (H, W): full centre, random columns elsewhere.

    The centre is that of fastMRI (Zbontar et al., 2018): symmetric about frequency zero,
    which is column width // 2. An even number of columns has one more below zero where the
    width is even, and above zero where it is odd. Frequency zero is always measured.

    Parameters
    ----------
    shape : (int, int)
    rng : numpy.random.RandomState
    acceleration : float
        Columns for each measured one.
    centre : float
        Share of the columns that the centre has.
    """
    width = shape[-1]
    columns = int(round(width / acceleration))
    first, low = full_centre(width, centre)
    others = [c for c in range(width) if not first <= c < first + low]
    chosen = rng.permutation(others)[: max(0, columns - low)]
    mask = torch.zeros(shape)
    mask[:, first : first + low] = 1
    mask[:, torch.from_numpy(chosen)] = 1
    return mask


def check_complex(shape):
    """Raise a ValueError for images (C, H, W) that are not complex, with two channels."""
    if shape[0] != 2:
        raise ValueError(
            f"MRI needs complex images (2 channels) and got {shape[0]} channels: use "
            "images=ellipses_complex."
        )


@operator((2, 20, 24), acceleration=4, centre=0.08)
def mri(shape, rng, acceleration, centre):
    """Single-coil Cartesian MRI with a mask of `random_columns`.

    Raises
    ------
    ValueError
        If the image is not complex (two channels).
    """
    check_complex(shape)
    mask = random_columns(shape[-2:], rng, acceleration, centre)
    return dinv.physics.MRI(mask=mask, img_size=shape)
