"""Fan-beam tomography in the geometry of the 2DeteCT scanner."""

import math

import deepinv as dinv
import torch

from ..catalogue import operator

# Of the scanner: distances from the source to the axis and to the detector, pixels of the
# detector and their size, in mm. M. Kiss et al., "2DeteCT", Scientific Data 2023.
SOURCE_AXIS, SOURCE_DETECTOR = 431.019989, 529.000488
PIXELS, PIXEL = 956, 0.1496
# Side of the square that the detector sees on the axis, and its pixels in references.
WIDTH, WHOLE = PIXELS * PIXEL * SOURCE_AXIS / SOURCE_DETECTOR, 1024
# Angle of the first view, in degrees.
FIRST = 90.0


def detector(side):
    """The number of averages over pixels of the detector, and their distance in mm.

    There are about as many as pixels along a side of the image.
    """
    binned = WHOLE / side
    return int(PIXELS // binned), binned * PIXEL


def fan_beam_of(side, angles):
    """The operator of some views.

    The line integrals are in pixels, over the root of the number of rays of a pixel: its
    norm is about one. deepinv sums samples of a ray at equal distances along the axis of
    the fan: `obliqueness` is what is left.

    Parameters
    ----------
    side : int
        Of the square images.
    angles : tensor (views,)
        In degrees, from the scanner's first view.
    """
    count, spacing = detector(side)
    physics = dinv.physics.Tomography(
        angles=FIRST + angles,
        img_width=side,
        fan_beam=True,
        fan_parameters={
            "pixel_spacing": WIDTH / side,
            "source_radius": SOURCE_AXIS,
            "detector_radius": SOURCE_DETECTOR - SOURCE_AXIS,
            "n_detector_pixels": count,
            "detector_spacing": spacing,
        },
        normalize=False,
    )
    rays = len(angles) * side * PIXELS / WHOLE
    physics.register_buffer("operator_norm", torch.tensor(rays**0.5))
    physics.normalize = True
    return physics


def obliqueness(side):
    """Cosine of the angle of each ray with the axis of the fan, (detectors, 1)."""
    count, spacing = detector(side)
    place = (torch.arange(count) - (count - 1) / 2) * spacing
    return (SOURCE_DETECTOR / (SOURCE_DETECTOR**2 + place**2).sqrt())[:, None]


def axis_of(side):
    """The pixel of the axis of rotation, from 0, along each side of deepinv's images."""
    diagonal = math.ceil(torch.tensor(2.0).sqrt() * side)
    before = diagonal // 2 - side // 2  # the padding to the diagonal
    return (diagonal - 1) / 2 - before


@operator((1, 32, 32), views=8, arc=360)
def fan_beam(shape, rng, views, arc):
    """Line integrals along a fan of rays from each view.

    Parameters
    ----------
    views : int
        Evenly over the arc.
    arc : float
        In degrees.

    Raises
    ------
    ValueError
        If the image is not square and gray.
    """
    if shape[0] != 1 or shape[1] != shape[2]:
        raise ValueError(
            f"Fan-beam tomography needs square gray images and got one of shape {shape}: "
            "use images=ellipses."
        )
    return fan_beam_of(shape[-1], torch.arange(views) * (arc / views))
