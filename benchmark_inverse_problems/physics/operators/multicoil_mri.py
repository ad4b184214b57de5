"""Multi-coil magnetic resonance imaging of volumes and of slices."""

import math

import deepinv as dinv
import numpy as np
import torch
from deepinv.physics import MultiCoilMRI

from ...support.parameters import NotAllowed
from ..catalogue import full_centre, operator
from ..facts import displayed, family, in_image_space, measured, stretched
from ..parts import parts, shares
from .mri import check_complex, random_columns

# Of the simulated coils: their distance from the middle and the width of their
# sensitivity, in half sides of the volume, and the largest phase between two sides.
RADIUS, WIDTH, PHASE = 1.3, 1.2, math.pi / 2
# Side of the fully sampled centre of k-space, as a share of the side.
CENTRE = 0.08
# Exponent of the density of the samples, which falls with the distance from the centre.
DECAY = 3

# Networks of slices learned one coil.
family.register(
    MultiCoilMRI, lambda physics: "mri" if physics.three_d else "parallel_mri"
)
in_image_space.register(MultiCoilMRI, lambda physics: False)


@measured.register(MultiCoilMRI)
def _(physics):
    return physics.mask[:, :, None]  # the same for all coils


@displayed.register(MultiCoilMRI)
def _(physics, y):
    """The logarithm of the magnitude of all coils together."""
    return stretched((y.square().sum((1, 2))[:, None].sqrt() + 1e-3).log())


def coil_maps(shape, coils, rng):
    """Smooth sensitivities of coils around a volume; their squares sum to one.

    Parameters
    ----------
    shape : (int, int, int)
        (D, H, W). The coils stand around the first axis, by turns above and below.
    coils : int
    rng : numpy.random.RandomState
        Draws the slopes of the phases.

    Returns
    -------
    complex tensor (coils, D, H, W)
    """
    axes = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"))
    maps = []
    for coil in range(coils):
        angle = 2 * math.pi * coil / coils
        height = 0.5 if coil % 2 else -0.5
        place = np.array([height, RADIUS * math.sin(angle), RADIUS * math.cos(angle)])
        square = ((grid - place.reshape(3, 1, 1, 1)) ** 2).sum(0)
        slope = rng.uniform(-PHASE, PHASE, 3) / 2
        phase = np.tensordot(slope, grid, 1) + angle
        maps.append(np.exp(-square / (2 * WIDTH**2) + 1j * phase))
    maps = np.stack(maps)
    maps /= np.sqrt((np.abs(maps) ** 2).sum(0))
    return torch.from_numpy(maps).to(torch.complex64)


def variable_density(shape, acceleration, rng):
    """A mask of two directions: a full centre, and samples that grow rarer outwards.

    Parameters
    ----------
    shape : (int, int)
    acceleration : float
        Points of the plane for each measured one, rounded to whole points.
    rng : numpy.random.RandomState

    Returns
    -------
    tensor of 0 and 1

    Raises
    ------
    NotAllowed
        If the full centre alone has more points.
    """
    offsets = [np.arange(n) - n // 2 for n in shape]
    y, x = np.meshgrid(*offsets, indexing="ij")
    centre = [full_centre(n, CENTRE) for n in shape]
    inside = np.zeros(shape, bool)
    inside[tuple(slice(first, first + low) for first, low in centre)] = True
    distance = np.hypot(y / (shape[0] / 2), x / (shape[1] / 2)) / math.sqrt(2)
    density = np.where(inside, 0, (1.05 - distance.clip(0, 1)) ** DECAY)
    full = int(inside.sum())
    count = round(y.size / acceleration) - full
    if count < 0:
        raise NotAllowed(
            f"acceleration={acceleration:g} leaves {count + full} points of a plane of "
            f"{shape[0]}x{shape[1]}, fewer than the {full} of the full centre: use at "
            f"most {y.size / full:g}."
        )
    mask = inside.flatten()
    if count:
        chosen = rng.choice(
            y.size, count, replace=False, p=density.flatten() / density.sum()
        )
        mask[chosen] = True
    return torch.from_numpy(mask.reshape(shape)).float()


@parts.register(MultiCoilMRI)
def _(physics, count):
    """Each part has some of the coils."""
    return [
        MultiCoilMRI(
            mask=physics.mask,
            coil_maps=physics.coil_maps[:, coils],
            img_size=physics.img_size,
            three_d=physics.three_d,
        )
        for coils in shares(physics.coil_maps.shape[1], count)
    ]


def multi_coil(maps, mask):
    """The operator of sensitivities (1, coils, *spatial) and of a mask (H, W).

    Raises
    ------
    ValueError
        If the mask is zero everywhere.
    """
    if not mask.any():
        raise ValueError("A mask of zeros measures nothing: measure some frequencies.")
    shape = (2, *maps.shape[2:])
    return dinv.physics.MultiCoilMRI(
        mask=mask.expand(1, *shape).clone(),
        coil_maps=maps,
        img_size=shape,
        three_d=maps.ndim == 5,
    )


@operator((2, 6, 12, 12), acceleration=3, coils=3)
def multicoil_mri(shape, rng, acceleration, coils):
    """Multi-coil MRI of complex volumes, with a mask of the last two axes.

    The first spatial axis is the readout, which is measured at all frequencies.

    Raises
    ------
    ValueError
        If the image is no complex volume (two channels, three spatial axes).
    """
    if len(shape) != 4 or shape[0] != 2:
        raise ValueError(
            f"Multi-coil MRI needs complex volumes (2, D, H, W) and got {shape}: use "
            "the volumes of volume_mri."
        )
    maps = coil_maps(shape[1:], coils, rng)
    mask = variable_density(shape[2:], acceleration, rng)
    return multi_coil(maps[None], mask)


@operator((2, 20, 24), acceleration=3, centre=0.1, coils=3)
def parallel_mri(shape, rng, acceleration, centre, coils):
    """Multi-coil MRI of complex slices, with a mask of `random_columns`.

    The slice lies across the axis that the simulated coils stand around.

    Raises
    ------
    ValueError
        If the image is not complex (two channels).
    """
    check_complex(shape)
    maps = coil_maps((1, *shape[1:]), coils, rng)[:, 0]
    return multi_coil(maps[None], random_columns(shape[1:], rng, acceleration, centre))
