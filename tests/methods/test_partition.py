"""Partitioned reconstruction: its identities, and what is refused."""

import deepinv as dinv
import numpy as np
import pytest
import torch
from benchopt.benchmark import Benchmark

from benchmark_inverse_problems.methods.partition import (
    PartitionedReconstructor,
    PatchPhysics,
    Tiled,
    blend,
    offsets,
)
from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.physics.local_normal import Exact, Toeplitz, window
from benchmark_inverse_problems.suite import ready, solvers

from ..conftest import ROOT
from ..tiny import tiny_problem

SHAPES = {
    "multicoil_mri": ((2, 12, 12, 12), {"acceleration": 3, "coils": 3}, 6),
    "cone_beam": ((1, 12, 12, 12), {"views": 8}, 6),
    "gaussian_blur": ((3, 16, 20), {"std": 1.0}, 8),
}


@pytest.fixture(params=SHAPES)
def problem(request):
    """(physics, x, y, patch) without noise."""
    shape, settings, patch = SHAPES[request.param]
    physics = OPERATORS[request.param](shape, np.random.RandomState(0), **settings)
    physics.noise_model = dinv.physics.GaussianNoise(0.01)
    x = torch.rand(1, *shape, generator=torch.manual_seed(0))
    return physics, x, physics.A(x), patch


class Exactly:
    """A base that notes how far the truth misses each patch's equations."""

    def __init__(self, truth, patch):
        size = (patch,) * (truth.ndim - 2)
        places, _ = PartitionedReconstructor(None, patch).patches(truth.shape)
        self.patches = iter([truth[window(offset, size)] for offset in places])
        self.errors = []

    def __call__(self, back, normal, sigma):
        patch = next(self.patches)
        self.errors.append(float((normal(patch) - back).norm() / back.norm()))
        return patch


class ByMeasurement(torch.nn.Module):
    """A base that gets y~ and A~, as any reconstructor of deepinv."""

    def __init__(self):
        super().__init__()
        self.problems = []

    def forward(self, y, physics):
        self.problems.append((y, physics))
        return physics.A_adjoint(y)


def test_the_true_context_makes_the_patch_solve_its_problem(problem):
    physics, x, y, patch = problem
    base = Exactly(x, patch)
    partition = PartitionedReconstructor(base, patch, sweeps=1, by_normal=True)
    torch.testing.assert_close(partition(y, physics, start=x), x)
    assert max(base.errors) < 1e-6
    assert len(base.errors) > 2


def test_measurements_of_a_patch_are_those_without_the_rest(problem):
    physics, x, y, patch = problem
    base = ByMeasurement()
    PartitionedReconstructor(base, patch, sweeps=1)(y, physics, start=x)
    partition = PartitionedReconstructor(base, patch)
    for offset, (measured, part) in zip(
        partition.patches(x.shape)[0], base.problems, strict=True
    ):
        alone = torch.zeros_like(x)
        place = window(offset, (patch,) * (x.ndim - 2))
        alone[place] = x[place]
        expected = physics.A(alone)
        error = (measured - expected).norm() / expected.norm()
        assert float(error) < 1e-5
        torch.testing.assert_close(part.A(x[place]), expected)


def test_a_patch_has_an_adjoint(problem):
    physics, x, y, patch = problem
    size = (patch,) * (x.ndim - 2)
    part = PatchPhysics(physics, x.shape, (1,) * len(size), size)
    u, v = torch.rand(1, x.shape[1], *size), torch.rand(y.shape)
    left, right = (part.A(u) * v).sum(), (u * part.A_adjoint(v)).sum()
    assert float(left) == pytest.approx(float(right), rel=1e-4)
    torch.testing.assert_close(part.A_adjoint_A(u), part.A_adjoint(part.A(u)))
    local = Exact(physics, x.shape).restrict((1,) * len(size), size)
    torch.testing.assert_close(part.A_adjoint_A(u), local(u), rtol=1e-4, atol=1e-5)


def test_exact_solves_of_patches_lead_to_the_whole_solution():
    """Sweeps of Tikhonov solutions of patches converge to that of the whole volume."""
    shape, patch, weight = (2, 8, 8, 8), 6, 0.5
    physics = OPERATORS["multicoil_mri"](shape, np.random.RandomState(0), 3, coils=2)
    x = torch.rand(1, *shape, generator=torch.manual_seed(0))
    y = physics.A(x)

    def tikhonov(back, normal, sigma):
        return dinv.optim.linear.conjugate_gradient(
            lambda u: normal(u) + weight * u, back, max_iter=20, tol=1e-6
        )

    whole = tikhonov(physics.A_adjoint(y), Exact(physics, x.shape), 0)
    for normal in (Exact, Toeplitz):
        partition = PartitionedReconstructor(
            tikhonov, patch, stride=2, sweeps=20, normal=normal, by_normal=True
        )
        found = partition(y, physics)
        assert float((found - whole).norm() / whole.norm()) < 1e-2


def test_the_whole_image_may_be_one_patch(problem):
    physics, x, y, _ = problem
    seen = []

    def base(back, normal, sigma):
        seen.append((back, normal(x)))
        return x

    partition = PartitionedReconstructor(base, None, sweeps=1, by_normal=True)
    torch.testing.assert_close(partition(y, physics), x)
    ((back, image),) = seen
    for found in (back, image):
        torch.testing.assert_close(found, physics.A_adjoint(y), rtol=1e-4, atol=1e-4)


def test_patches_may_be_slices():
    partition = PartitionedReconstructor(None, (1, 6, 6), stride=(1, 6, 2))
    places, size = partition.patches((1, 1, 2, 6, 8))
    assert size == (1, 6, 6)
    assert places == [(0, 0, 0), (0, 0, 2), (1, 0, 0), (1, 0, 2)]


def test_patches_cover_the_image():
    assert offsets(12, 6, 3) == [0, 3, 6]
    assert offsets(13, 6, 3) == [0, 3, 6, 7]
    assert offsets(6, 6, 3) == [0]
    assert float(blend((4, 5)).min()) > 0
    for side, patch, stride in ((17, 5, 2), (20, 7, 7), (9, 9, 1)):
        seen = np.zeros(side)
        for start in offsets(side, patch, stride):
            seen[start : start + patch] += 1
        assert seen.min() >= 1


@pytest.mark.parametrize(
    ("patch", "stride", "words"),
    [
        (14, None, "A patch of 14 voxels does not fit into a side of 12"),
        (6, 7, "A stride of 7 leaves gaps between patches of 6 voxels: use one from 1"),
        (6, 0, "A stride of 0 leaves gaps"),
    ],
)
def test_patches_that_do_not_cover_are_refused(patch, stride, words):
    shape, settings, _ = SHAPES["cone_beam"]
    physics = OPERATORS["cone_beam"](shape, None, **settings)
    x = torch.rand(1, *shape)
    partition = PartitionedReconstructor(None, patch, stride)
    with pytest.raises(ValueError, match=words):
        partition(physics.A(x), physics)


def test_a_relaxed_sweep_goes_a_part_of_the_way(problem):
    physics, x, y, patch = problem
    whole, half = (
        PartitionedReconstructor(
            lambda back, normal, sigma: 0.9 * back,
            patch,
            sweeps=1,
            by_normal=True,
            relaxation=relaxation,
        )(y, physics, start=x)
        for relaxation in (1.0, 0.5)
    )
    torch.testing.assert_close(half, (x + whole) / 2)


class Counting(torch.nn.Module):
    """A denoiser that notes what it sees."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x, sigma):
        self.seen.append(tuple(x.shape[2:]))
        return x - sigma


def test_a_tiled_denoiser_sees_patches_only():
    x, inner = torch.rand(2, 3, 20, 14), Counting()
    found = Tiled(inner, 8)(x, 0.25)
    torch.testing.assert_close(found, x - 0.25)
    assert set(inner.seen) == {(8, 8)} and len(inner.seen) == 4 * 3
    small = torch.rand(1, 1, 8, 5)
    Tiled(inner, 8)(small, 0.25)
    assert inner.seen[-1] == (8, 5)
    Tiled(inner, 8)(torch.rand(1, 1, 8, 12, 5), 0.25)
    assert inner.seen[-1] == (8, 8, 5)


@pytest.mark.parametrize(("task", "sweeps"), [("volume_mri", 2), ("volume_ct", 4)])
def test_approximate_operators_have_more_sweeps(task, sweeps):
    for cell in solvers(Benchmark(ROOT), ["unrolled_3d[sweeps=[auto,1]]"]):
        made = ready(cell, None, tiny_problem(task), patch=8, samples=1)
        expected = sweeps if cell.sweeps == "auto" else 1
        assert made.reconstruct.keywords["sweeps"] == expected
