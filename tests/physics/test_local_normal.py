"""Normal operators of patches: exact ones, and the error of the approximate one."""

import numpy as np
import pytest
import torch

from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.physics.local_normal import (
    DiagonalCirculant,
    Exact,
    FittedNormals,
    Toeplitz,
)
from benchmark_inverse_problems.problems.volumes import ellipsoids

MRI = (2, 10, 12, 14)


@pytest.fixture
def mri():
    return OPERATORS["multicoil_mri"](MRI, np.random.RandomState(0), 3, coils=3)


def relative(found, expected):
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize(
    ("offset", "size"),
    [((0, 0, 0), (4, 4, 4)), ((2, 3, 5), (6, 8, 9)), ((0, 0, 0), (10, 12, 14))],
)
def test_toeplitz_is_exact(mri, offset, size):
    patch = torch.randn(2, 2, *size, generator=torch.manual_seed(0))
    expected = Exact(mri, (1, *MRI)).restrict(offset, size)(patch)
    found = Toeplitz(mri, (1, *MRI)).restrict(offset, size)(patch)
    assert relative(found, expected) < 1e-6


def test_toeplitz_is_for_multicoil_mri():
    physics = OPERATORS["cone_beam"]((1, 8, 8, 8), None, views=3)
    with pytest.raises(ValueError, match="toeplitz is for multi-coil MRI: use exact"):
        Toeplitz(physics, (1, 1, 8, 8, 8))


@pytest.mark.parametrize("size", [(5, 6), (16, 20)])
def test_the_kernel_cut_to_twice_the_patch_is_exact_for_circulant_operators(size):
    physics = OPERATORS["gaussian_blur"]((1, 16, 20), np.random.RandomState(0), std=1.0)
    approximate = DiagonalCirculant(physics, (1, 1, 16, 20))
    # The start is the point response, whose offsets reach half the image.
    kernel = approximate.kernel
    periodic = kernel[:16, :20] + kernel[16:, :20] + kernel[:16, 20:] + kernel[16:, 20:]
    approximate.kernel = periodic  # a kernel of the image's period
    patch = torch.randn(1, 1, *size, generator=torch.manual_seed(0))
    expected = Exact(physics, (1, 1, 16, 20)).restrict((0, 0), size)(patch)
    assert relative(approximate.restrict((0, 0), size)(patch), expected) < 1e-5


def test_a_patch_sees_what_the_whole_sees():
    physics = OPERATORS["cone_beam"]((1, 12, 12, 12), None, views=8)
    whole = DiagonalCirculant(physics, (1, 1, 12, 12, 12))
    whole.sensitivity = torch.rand(12, 12, 12, generator=torch.manual_seed(0)) + 0.5
    patch = torch.randn(1, 1, 5, 6, 7, generator=torch.manual_seed(1))
    x = torch.zeros(1, 1, 12, 12, 12)
    x[..., 2:7, 3:9, 4:11] = patch
    expected = whole(x)[..., 2:7, 3:9, 4:11]
    assert relative(whole.restrict((2, 3, 4), (5, 6, 7))(patch), expected) < 1e-5


def test_it_is_symmetric():
    physics = OPERATORS["multicoil_mri"](MRI, np.random.RandomState(0), 3, coils=3)
    approximate = DiagonalCirculant(physics, (1, *MRI))
    approximate.sensitivity = torch.randn(MRI[1:], dtype=torch.complex64)
    u, v = torch.randn(2, 1, *MRI, generator=torch.manual_seed(0))
    left, right = float((approximate(u) * v).sum()), float((u * approximate(v)).sum())
    assert left == pytest.approx(right, rel=1e-2, abs=0.05 * float(u.norm()))


def test_the_fit_of_parallel_tomography():
    physics = OPERATORS["tomography"]((1, 32, 32), None, angles=20)
    approximate = DiagonalCirculant(physics, (1, 1, 32, 32))
    history = approximate.fit(samples=600, lr=0.01)
    assert history[0] > 0.3 and min(history) < 0.17
    white = torch.randn(4, 1, 32, 32, generator=torch.manual_seed(7))
    assert approximate.error(white) == pytest.approx(min(history), abs=0.03)


def test_the_fit_is_not_worse_than_its_start_on_held_out_volumes():
    physics = OPERATORS["cone_beam"]((1, 16, 16, 16), None, views=10)
    volume = ellipsoids(5, 16)
    approximate = DiagonalCirculant(physics, (1, 1, 16, 16, 16))
    before = approximate.error(volume)
    history = approximate.fit(samples=150, lr=0.01)
    assert min(history) < 0.9 * history[0]
    assert approximate.error(volume) < before


def test_a_fit_that_gains_nothing_keeps_the_start():
    physics = OPERATORS["denoising"]((1, 8, 8), np.random.RandomState(0))
    approximate = DiagonalCirculant(physics, (1, 1, 8, 8))
    start = approximate.kernel.clone()
    approximate.fit(samples=4, lr=10.0)
    torch.testing.assert_close(approximate.kernel.real, start, atol=1e-5, rtol=0)
    assert torch.equal(approximate.sensitivity, torch.ones(8, 8))


def test_its_negative_part_may_be_left_out():
    physics = OPERATORS["cone_beam"]((1, 12, 12, 12), None, views=6)
    approximate = DiagonalCirculant(physics, (1, 1, 12, 12, 12)).positive()
    patch = approximate.restrict((0, 3, 3), (1, 8, 8))
    for x in torch.randn(20, 1, 1, 1, 8, 8, generator=torch.manual_seed(0)):
        assert float((x * patch(x)).sum()) > -1e-4 * float(x.square().sum())


def test_each_operator_is_fitted_once(monkeypatch):
    calls = []
    monkeypatch.setattr(
        DiagonalCirculant, "fit", lambda self, samples: calls.append(samples)
    )
    shape = (1, 1, 12, 12, 12)
    operators = [
        OPERATORS["cone_beam"](shape[1:], None, views=views) for views in (6, 6, 5)
    ]
    normals = FittedNormals(7)
    first, again, other = (normals(physics, shape) for physics in operators)
    assert first is again and other is not first and calls == [7, 7]
    FittedNormals(0)(operators[0], shape)
    assert len(calls) == 2, "no white volumes: the start is taken"
