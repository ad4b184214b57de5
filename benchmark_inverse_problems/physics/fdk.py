"""Filtered back-projection of cone beams, by the library diffct."""

import diffct
import torch

# The suite's detectors stand on the axis. diffct integrates from the source to the
# detector: it gets one behind the volume, so many times as far, that sees the same rays.
FARTHER = 2


def geometry(physics):
    """A cone beam as diffct describes it, in voxels.

    Parameters
    ----------
    physics : ConeBeam

    Returns
    -------
    trajectory : tuple of tensor (views, 3)
        Source, centre of the detector, and its axes u and v.
    spacing : (float, float)
        Of the detector's pixels along u and v.
    """
    half = physics.side / 2
    source, centre, u, v = physics.vectors.view(-1, 4, 3).unbind(1)
    centre = source + FARTHER * (centre - source)
    spacing = tuple(float(FARTHER * half * step[0].norm()) for step in (u, v))
    axes = [step / step.norm(dim=1, keepdim=True) for step in (u, v)]
    return (source * half, centre * half, *axes), spacing


def fdk(y, physics):
    """The algorithm of Feldkamp, Davis and Kress (1984), by `diffct.fdk`.

    It is exact in the plane of the circle of sources, with many views.

    Parameters
    ----------
    y : tensor (1, 1, views, rows, columns)
    physics : ConeBeam
        With sources on a circle around the axis.

    Returns
    -------
    tensor (1, 1, n, n, n)
    """
    trajectory, spacing = geometry(physics)
    source = trajectory[0]
    volume = diffct.fdk(
        (y[0, 0] / physics.scale).transpose(1, 2).contiguous(),  # (views, u, v)
        trajectory,
        (physics.side,) * 3,
        torch.atan2(source[:, 1], source[:, 0]),
        detector_spacing=spacing,
    )
    return volume[None, None].to(y)
