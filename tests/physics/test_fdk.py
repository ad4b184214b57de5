"""FDK, and the cone beam against that of another library."""

import diffct
import torch

from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.physics.fdk import fdk, geometry
from benchmark_inverse_problems.problems.volumes import ellipsoids

SIDE = 32


def test_the_projections_are_those_of_another_library():
    """Rays through cells of one value, ours through trilinear samples."""
    physics = OPERATORS["cone_beam"]((1, SIDE, SIDE, SIDE), None, 7)
    volume = ellipsoids(0, SIDE)
    ours = (physics.A(volume) / physics.scale)[0, 0].transpose(1, 2)
    trajectory, spacing = geometry(physics)
    size = (SIDE,) * 3
    other = diffct.Projector(
        trajectory, size, ours.shape[1:], detector_spacing=spacing
    ).project(volume[0, 0])
    assert float((ours - other).norm() / other.norm()) < 0.07
    for axis in (1, 2):
        flipped = other.flip(axis)
        assert float((ours - flipped).norm() / other.norm()) > 0.12


def test_fdk_of_many_views_is_near_the_volume():
    volume = ellipsoids(0, SIDE)
    errors = []
    for views in (10, 90):
        physics = OPERATORS["cone_beam"]((1, SIDE, SIDE, SIDE), None, views)
        errors.append(float((fdk(physics.A(volume), physics) - volume).norm()))
    assert errors[1] < 0.35 * float(volume.norm())
    assert errors[1] < errors[0]
    middle = (..., SIDE // 2, slice(8, 24), slice(8, 24))
    found = fdk(physics.A(volume), physics)[middle]
    scale = float((found * volume[middle]).sum() / found.square().sum())
    assert 0.9 < scale < 1.12, "its grey values are those of the volume"
    assert (
        torch.corrcoef(torch.stack((found.flatten(), volume[middle].flatten())))[0, 1]
        > 0.9
    )
