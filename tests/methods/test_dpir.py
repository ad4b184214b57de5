"""DPIR with a small stand-in denoiser."""

import deepinv as dinv
import numpy as np
import pytest
import torch
from deepinv.physics import (
    MRI,
    BlurFFT,
    Denoising,
    DownsamplingMatlab,
    Inpainting,
    Tomography,
)

from benchmark_inverse_problems.methods.dpir import SIGMA_MIN, dpir, turn
from benchmark_inverse_problems.methods.total_variation import total_variation
from benchmark_inverse_problems.networks.complex_images import ComplexDenoiser
from benchmark_inverse_problems.physics.initial_estimate import initial_estimate

from ..small import noisy, picture, psnr


class Recorder:
    """A total variation denoiser that remembers how it was called."""

    def __init__(self):
        self.levels, self.channels = [], []

    def __call__(self, x, sigma):
        self.levels.append(sigma)
        self.channels.append(x.shape[1])
        return total_variation(x, Denoising(), sigma, max_iter=20)


def test_denoising_is_one_call():
    physics, denoiser = Denoising(dinv.physics.GaussianNoise(0.1)), Recorder()
    y = noisy(picture(20, 31), 0.1)
    x = dpir(y, physics, denoiser)
    assert denoiser.levels == [pytest.approx(0.1)]
    assert torch.equal(x, Recorder()(y, denoiser.levels[0]))


def test_the_schedule_and_the_first_step():
    blur = dinv.physics.functional.gaussian_blur(sigma=(1.5, 1.5))
    physics = BlurFFT(img_size=(3, 45, 70), filter=blur)
    physics.noise_model = dinv.physics.GaussianNoise(0.02)
    x = picture(45, 70)
    y = noisy(physics.A(x), 0.02)
    denoiser = Recorder()
    x_hat = dpir(y, physics, denoiser)
    assert denoiser.levels == pytest.approx(np.geomspace(49 / 255, 0.02, 8), rel=1e-4)
    assert psnr(x_hat, x) > psnr(y, x) + 1
    calls = []
    dpir(y, physics, lambda x, _: calls.append(x) or x, iterations=1)
    gamma = (49 / 255 / 0.02) ** 2 / 0.23
    expected = physics.prox_l2(initial_estimate(physics, y), y, gamma)
    torch.testing.assert_close(calls[0], expected, rtol=1e-3, atol=1e-3)


def test_the_last_level_counts_in_noise_levels():
    physics = BlurFFT((1, 32, 32), dinv.physics.functional.gaussian_blur(sigma=(1, 1)))
    physics.noise_model = dinv.physics.GaussianNoise(0.02)
    denoiser = Recorder()
    dpir(noisy(physics.A(picture(32, 32, 1)), 0.02), physics, denoiser, last=3.0)
    assert denoiser.levels[-1] == pytest.approx(0.06)


@pytest.mark.parametrize("k", range(8))
def test_the_eight_turns_differ_and_undo(k):
    x = picture(16, 24)
    turned, back = turn(x, k)
    assert torch.equal(back(turned), x)
    others = [turn(x, j)[0] for j in range(8) if j != k]
    assert not any(o.shape == turned.shape and torch.equal(o, turned) for o in others)


@pytest.mark.parametrize("lines", [False, True])
def test_it_fills_missing_pixels(lines):
    shape = (1, 45, 1) if lines else (1, 45, 70)
    mask = torch.tensor(np.random.RandomState(0).rand(*shape) > 0.5).float()
    physics = Inpainting((3, 45, 70), mask=mask.expand(1, 45, 70))
    physics.noise_model = dinv.physics.GaussianNoise(0.01)
    x = picture(45, 70)
    y = noisy(x, 0.01) * physics.mask
    x_hat = dpir(y, physics, Recorder())
    assert psnr(x_hat, x) > psnr(y, x) + 10
    known = (physics.mask * (x_hat - x)).square().mean().sqrt()
    assert known < 0.05


@pytest.mark.parametrize("noise", [None, dinv.physics.GaussianNoise(0.0)])
def test_noiseless_super_resolution_is_finite_and_consistent(noise):
    physics = DownsamplingMatlab(factor=3, noise_model=noise)
    x = picture(48, 48)
    denoiser = Recorder()
    x_hat = dpir(physics.A(x), physics, denoiser)
    assert denoiser.levels[-1] == pytest.approx(SIGMA_MIN)
    assert x_hat.isfinite().all()
    assert psnr(physics.A(x_hat), physics.A(x)) > 40


def test_complex_images_are_denoised_part_by_part():
    mask = torch.ones(1, 2, 32, 32)
    mask[..., ::3] = 0
    physics = MRI(mask=mask, img_size=(2, 32, 32))
    physics.noise_model = dinv.physics.GaussianNoise(0.01)
    denoiser = Recorder()
    y = physics.A(picture(32, 32, 2))
    x_hat = dpir(y, physics, ComplexDenoiser(denoiser))
    assert x_hat.shape == (1, 2, 32, 32)
    assert set(denoiser.channels) == {1} and len(denoiser.channels) == 2 * 48


def test_parts_of_complex_images_are_moved_to_the_range_of_the_denoiser():
    x, seen = 2 * picture(8, 8, 2) - 1, []

    def denoiser(part, sigma):
        seen.append((part, sigma))
        return part / 2

    found = ComplexDenoiser(denoiser)(x, 0.1)
    for part, (given, sigma) in zip(x.split(1, 1), seen, strict=True):
        assert sigma == 0.05
        torch.testing.assert_close(given, (part + 1) / 2)
    torch.testing.assert_close(found, (x + 1) / 2 - 1)


def test_tomography():
    settings = {"normalize": True, "adjoint_via_backprop": True}
    physics = Tomography(angles=20, img_width=32, **settings)
    physics.noise_model = dinv.physics.GaussianNoise(0.01)
    x = picture(32, 32, 1)
    y = noisy(physics.A(x), 0.01)
    x_hat = dpir(y, physics, Recorder())
    assert psnr(x_hat, x) > psnr(physics.A_adjoint(y), x) + 3


def test_wrong_settings_are_refused():
    physics, y = (
        Inpainting((1, 8, 8), mask=torch.ones(1, 8, 8)),
        torch.zeros(1, 1, 8, 8),
    )
    with pytest.raises(ValueError, match="at least one iteration"):
        dpir(y, physics, Recorder(), iterations=0)
    with pytest.raises(ValueError, match="must be at least 1 sigma"):
        dpir(y, physics, Recorder(), last=0.5)
