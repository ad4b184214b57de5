"""Total variation reaches the minimum of its objective on every operator."""

import deepinv as dinv
import numpy as np
import pytest
import torch
from deepinv.physics import (
    Denoising,
    Downsampling,
    DownsamplingMatlab,
)

from benchmark_inverse_problems.methods.total_variation import (
    gradient,
    gradient_adjoint,
    objective,
    total_variation,
    variation,
)
from benchmark_inverse_problems.physics.initial_estimate import initial_estimate
from benchmark_inverse_problems.physics.noise import noise_level
from benchmark_inverse_problems.physics.operators.inpainting import fill
from benchmark_inverse_problems.physics.proximal import data_prox

from ..small import OPERATORS, measured, picture, psnr


@pytest.mark.parametrize("name", OPERATORS)
def test_it_converges(name):
    x, y, physics, weight = measured(name)
    x_hat = total_variation(y, physics, weight)
    longer = 1500 if name == "tomography" else 800
    reference = total_variation(y, physics, weight, tolerance=0, max_iter=longer)
    reached, least = (
        objective(image, y, physics, variation(2), weight)
        for image in (x_hat, reference)
    )
    assert abs(reached / least - 1) < 1e-3
    # In holes the objective is nearly flat: images of equal value differ more there.
    allowed = 0.2 if name == "inpainting" else 0.05
    assert abs(psnr(x_hat, x) - psnr(reference, x)) < allowed
    # It is a minimum: any move away from it, however small, costs.
    direction = initial_estimate(physics, y) - reference
    for move in (direction, -direction, reference):
        moved = reference + 0.03 * move
        assert objective(moved, y, physics, variation(2), weight) > least


def test_gradient_adjoint():
    u = torch.tensor(np.random.RandomState(0).randn(2, 1, 3, 9, 14)).float()
    x = picture(9, 14)
    torch.testing.assert_close((gradient(x) * u).sum(), (x * gradient_adjoint(u)).sum())


def test_it_denoises_and_agrees_with_deepinv_on_gray_images():
    x = picture(48, 48, 1)
    noise = np.random.RandomState(1).randn(*x.shape)
    y = x + 0.1 * torch.tensor(noise, dtype=torch.float32)
    x_hat = total_variation(y, Denoising(), 0.1, tolerance=1e-4)
    expected = dinv.models.TVDenoiser(n_it_max=3000, crit=1e-7)(y, ths=0.1)
    assert psnr(x_hat, expected) > 60
    assert psnr(x_hat, x) > psnr(y, x) + 4


def test_a_flat_image_stays():
    y = torch.full((1, 3, 20, 31), 0.4)
    torch.testing.assert_close(total_variation(y, Denoising(), 0.1), y)


def test_weight_must_be_positive():
    with pytest.raises(ValueError, match="weight must be positive"):
        total_variation(torch.zeros(1, 1, 8, 8), Denoising(), 0)


@pytest.mark.parametrize("name", ["sr4", "matlab3", "mri", "tomography"])
def test_data_prox_solves_its_problem(name):
    x, y, physics, _ = measured(name)
    prox, exact = data_prox(physics, y)
    assert exact == (name != "tomography")
    z = torch.roll(x, 3, -1)
    p = prox(z, 7.0)
    residual = 7 * physics.A_adjoint(physics.A(p) - y) + p - z
    assert residual.norm() < 1e-3 * z.norm()


def test_data_prox_leaves_the_physics_alone():
    _, y, physics, _ = measured("tomography")
    before = physics.max_iter, physics.tol
    data_prox(physics, y)[0](physics.A_adjoint(y), 2.0)
    assert (physics.max_iter, physics.tol) == before


@pytest.mark.parametrize("name", OPERATORS)
def test_initial_estimate_has_the_shape_of_the_image(name):
    x, y, physics, _ = measured(name)
    x0 = initial_estimate(physics, y)
    assert x0.shape == x.shape
    assert psnr(x0, x) > psnr(physics.A_adjoint(y), x) - 0.1
    physics.noise_model = dinv.physics.GaussianNoise(0.0)
    assert initial_estimate(physics, physics.A(x)).isfinite().all()


@pytest.mark.parametrize("name", ["inpainting", "lines"])
def test_initial_estimate_fills_the_holes(name):
    x, y, physics, _ = measured(name)
    assert psnr(initial_estimate(physics, y), x) > psnr(y, x) + 10


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_initial_estimate_is_aligned_with_the_grid(factor):
    x = picture(48, 48)
    for physics in (
        DownsamplingMatlab(factor=factor),
        Downsampling((3, 48, 48), "bicubic", factor, padding="circular"),
    ):
        x0 = initial_estimate(physics, physics.A(x))
        inside = (slice(None), slice(None), slice(6, -6), slice(6, -6))
        for shift in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            moved = x0.roll(shift, (-2, -1))
            assert psnr(x0[inside], x[inside]) > psnr(moved[inside], x[inside])


def test_fill_ignores_what_is_hidden_and_keeps_what_is_known():
    x = picture(30, 41)
    mask = torch.tensor(np.random.RandomState(0).rand(1, 1, 30, 41) > 0.8).float()
    garbage = torch.where(mask > 0, x, 9.0)
    filled = fill(garbage, mask)
    torch.testing.assert_close(filled, fill(x * mask, mask))
    assert torch.equal(filled * mask, x * mask)
    assert filled.min() >= x.min() - 1e-5 and filled.max() <= x.max() + 1e-5


def test_noise_level():
    y = torch.full((1, 1, 8, 8), 0.5)
    physics = Denoising()
    for model, expected in (
        (dinv.physics.GaussianNoise(0.2), 0.2),
        (dinv.physics.GaussianNoise(0.0), 0.0),
        (dinv.physics.PoissonGaussianNoise(gain=0.02, sigma=0.1), 0.02**0.5),
        (dinv.physics.ZeroNoise(), 0.0),
    ):
        physics.noise_model = model
        assert noise_level(physics, y) == pytest.approx(expected, abs=1e-5)
