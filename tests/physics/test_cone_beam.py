"""The geometry of cone-beam tomography against integrals that are known."""

import math

import pytest
import torch

from benchmark_inverse_problems.physics.operators.cone_beam import (
    DISTANCE,
    ConeBeam,
    circular,
    cone_beam,
)

SIDE = 32


def ball(centre, radius, side=SIDE):
    """A ball whose voxels at the edge are partly filled."""
    axis = (torch.arange(side) + 0.5) / side * 2 - 1
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    distance = (torch.stack((x, y, z), -1) - torch.tensor(centre)).norm(dim=-1)
    return ((radius - distance) * side / 2 + 0.5).clamp(0, 1)[None, None]


def chord(source, pixel, centre, radius):
    """The length of a ray in a ball, in half sides of the volume."""
    direction = (pixel - source) / (pixel - source).norm()
    closest = (torch.tensor(centre) - source) @ direction
    distance = (source + closest * direction - torch.tensor(centre)).norm()
    return 2 * math.sqrt(max(0.0, radius**2 - float(distance) ** 2))


@pytest.mark.parametrize("centre", [(0.0, 0.0, 0.0), (0.3, -0.2, 0.25)])
def test_integrals_through_a_ball(centre):
    physics = cone_beam((1, SIDE, SIDE, SIDE), None, 4)
    y = physics.A(ball(centre, 0.5)) / physics.scale  # in voxels
    for view in range(4):
        source, middle, u, v = physics.vectors[view].view(4, 3)
        for row, column in ((16, 16), (20, 12), (10, 22)):
            i, j = row - (SIDE - 1) / 2, column - (SIDE - 1) / 2
            length = chord(source, middle + i * v + j * u, centre, 0.5) * SIDE / 2
            assert float(y[0, 0, view, row, column]) == pytest.approx(length, abs=1.0)


def test_the_convention_of_the_geometry():
    first, second = circular(4, SIDE)[:2].view(2, 4, 3)
    assert first[0].tolist() == pytest.approx([DISTANCE, 0, 0])
    assert second[0].tolist() == pytest.approx([0, DISTANCE, 0])
    physics = cone_beam((1, SIDE, SIDE, SIDE), None, 4)
    y = physics.A(ball((0.0, 0.4, 0.6), 0.15))
    # From +x, y grows with the columns and z with the rows.
    row, column = divmod(int(y[0, 0, 0].argmax()), SIDE)
    assert row > SIDE / 2 + 5 and column > SIDE / 2 + 3


def test_rays_outside_of_the_cube_measure_nothing():
    vectors = circular(1, 8)
    vectors[:, 3:6] += torch.tensor([0.0, 0.0, 20.0])
    physics = ConeBeam(vectors, (8, 8), 8)
    assert float(physics.A(torch.ones(1, 1, 8, 8, 8)).abs().max()) == 0


def test_both_are_differentiable_and_keep_nothing():
    physics = cone_beam((1, 6, 6, 6), None, 3)
    x = torch.rand(1, 1, 6, 6, 6, requires_grad=True)
    y = physics.A(x)
    (gradient,) = torch.autograd.grad(y.square().sum() / 2, x)
    torch.testing.assert_close(gradient, physics.A_adjoint(y).detach())
    z = torch.rand_like(y).requires_grad_()
    (gradient,) = torch.autograd.grad(physics.A_adjoint(z).square().sum() / 2, z)
    torch.testing.assert_close(gradient, physics.A(physics.A_adjoint(z)).detach())


def test_batches_are_single_volumes():
    physics = cone_beam((1, 8, 8, 8), None, 3)
    x = torch.rand(2, 1, 8, 8, 8)
    y = physics.A(x)
    torch.testing.assert_close(y[1:], physics.A(x[1:]))
    torch.testing.assert_close(
        physics.A_adjoint(y)[1:], physics.A_adjoint(y[1:]), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("shape", [(1, 8, 8, 9), (2, 8, 8, 8), (1, 8, 8)])
def test_what_is_no_cube_is_refused(shape):
    with pytest.raises(ValueError, match="needs cubes with one channel and got"):
        cone_beam(shape, None, 3)
