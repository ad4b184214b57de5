"""One colour a pixel, as behind a camera's filter."""

import deepinv as dinv
from deepinv.physics import Demosaicing

from ..catalogue import operator
from ..facts import family

family.register(Demosaicing, lambda physics: "demosaicing")


@operator((3, 16, 20))
def demosaicing(shape, rng):
    """Each pixel is measured in one colour, in Bayer's pattern.

    Raises
    ------
    ValueError
        If the image is not in colour.
    """
    if shape[0] != 3:
        raise ValueError(
            f"Demosaicing needs colour images and got {shape[0]} channels: use another set."
        )
    return dinv.physics.Demosaicing(img_size=shape)
