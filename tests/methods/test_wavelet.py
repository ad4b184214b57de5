"""Wavelet sparsity reaches the minimum of its objective on every operator."""

import numpy as np
import pytest
import torch
from deepinv.physics import (
    Denoising,
)

from benchmark_inverse_problems.methods.total_variation import objective
from benchmark_inverse_problems.methods.wavelet import (
    details,
    details_adjoint,
    wavelet,
    wavelets,
)

from ..small import OPERATORS, measured, picture, psnr

WAVELETS = wavelets(2)


@pytest.mark.parametrize("name", OPERATORS)
def test_it_converges(name):
    x, y, physics, weight = measured(name)
    # Tomography needs the slow solver: at most 40 of its iterations against 80.
    slow = name == "tomography"
    x_hat = wavelet(y, physics, weight)
    reference = wavelet(y, physics, weight, tolerance=0, max_iter=800 if slow else 1000)
    reached, least = (
        objective(image, y, physics, WAVELETS, weight) for image in (x_hat, reference)
    )
    assert abs(reached / least - 1) < 1e-3
    assert abs(psnr(x_hat, x) - psnr(reference, x)) < 0.05
    # It is a minimum: any move away from it costs.
    for move in (x - reference, reference - x, reference):
        moved = reference + 0.03 * move
        assert objective(moved, y, physics, WAVELETS, weight) > least


@pytest.mark.parametrize("shape", [(32, 32), (45, 70), (9, 14), (12, 9, 14)])
def test_the_transform_is_bounded_and_has_its_adjoint(shape):
    random = np.random.RandomState(0)
    x = torch.tensor(random.randn(1, 3, *shape)).float()
    coefficients = details(x)
    u = torch.tensor(random.randn(*coefficients.shape)).float()
    left, right = (coefficients * u).sum(), (x * details_adjoint(u)).sum()
    torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-3)
    bound = wavelets(len(shape)).squared_norm * x.square().sum()
    assert coefficients.square().sum() <= bound


def test_the_norm_does_not_see_shifts_nor_constants():
    x = picture(33, 40)
    moved = 0.3 + x.roll((5, 7), (-2, -1))
    assert WAVELETS.value(moved) == pytest.approx(WAVELETS.value(x), rel=1e-5)


def test_one_level_is_the_mean_of_orthonormal_transforms():
    # Every second coefficient in each direction is one orthonormal transform: the
    # energy of the details is that of the image less its coarse approximation's.
    x = picture(32, 32, 1)
    own = 2 * details(x)[0]
    energies = [
        (2 * own[..., i::2, j::2]).square().sum() for i in (0, 1) for j in (0, 1)
    ]
    mean = sum(energies) / 4
    torch.testing.assert_close(mean, own.square().sum())
    assert mean < x.square().sum()


def test_one_level_of_volumes_is_the_mean_of_orthonormal_transforms():
    x = torch.randn(1, 1, 16, 16, 16, generator=torch.manual_seed(0))
    own = 8 * details(x)[0]  # of an orthonormal transform
    energies = [
        own[..., i::2, j::2, k::2].square().sum()
        for i in (0, 1)
        for j in (0, 1)
        for k in (0, 1)
    ]
    # An orthonormal transform has 7/8 of its coefficients in the details.
    for energy in energies:
        assert float(energy / x.square().sum()) == pytest.approx(7 / 8, abs=0.05)


def test_it_denoises_two_channels():
    x, y, physics, _ = measured("denoising")
    x, y = x[:, :2], y[:, :2]
    assert psnr(wavelet(y, physics, 0.15), x) > psnr(y, x) + 3


def test_weight_must_be_positive():
    with pytest.raises(ValueError, match="weight must be positive"):
        wavelet(torch.zeros(1, 1, 8, 8), Denoising(), -1.0)
