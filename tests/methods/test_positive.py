"""SIRT and Richardson-Lucy: deepinv's iterations, monotone, stopped at the noise."""

import deepinv as dinv
import numpy as np
import pytest
import torch
from deepinv.physics import GaussianNoise, PoissonGaussianNoise, PoissonNoise

from benchmark_inverse_problems.methods.positive import richardson_lucy, sirt
from benchmark_inverse_problems.methods.stopping import expected_noise_norm
from benchmark_inverse_problems.physics.facts import sums_pixels
from benchmark_inverse_problems.physics.kernels import gaussian_kernel
from benchmark_inverse_problems.physics.operators.blur import (
    circular_blur,
    varying_blur,
)
from benchmark_inverse_problems.physics.operators.denoising import denoising
from benchmark_inverse_problems.physics.operators.inpainting import inpainting
from benchmark_inverse_problems.physics.operators.tomography import tomography

from ..small import noisy, picture, psnr


def ct(sigma=0.0):
    physics = tomography((1, 24, 24), None, 12)
    physics.noise_model = GaussianNoise(sigma)
    return picture(24, 24, 1), physics


def blur(model):
    physics = circular_blur((1, 40, 36), gaussian_kernel(1.0))
    physics.noise_model = model
    return picture(40, 36, 1), physics


def poisson(physics, x, gain):
    rate = physics.A(x).clamp(min=0).numpy() / gain
    return torch.tensor(gain * np.random.RandomState(0).poisson(rate)).float()


def test_sirt_is_deepinvs():
    x, physics = ct()
    y = physics.A(x)
    # deepinv starts from A^T y unless it is told otherwise.
    start = torch.zeros_like(x)
    model = dinv.optim.SIRT(
        dinv.optim.L2(), max_iter=7, custom_init=lambda y, physics: start
    )
    *_, mine = sirt(y, physics, 7)
    torch.testing.assert_close(mine, model(y, physics), rtol=1e-4, atol=1e-5)


def test_richardson_lucy_is_deepinvs_and_increases_the_likelihood():
    gain = 0.02
    x, physics = blur(PoissonNoise(gain))
    y = poisson(physics, x, gain)
    level = float(y.sum() / y.numel())
    model = dinv.optim.MLEM(
        max_iter=7, custom_init=lambda y, physics: torch.full_like(y, level)
    )
    physics.noise_model = GaussianNoise(0.0)  # so that it does not stop
    iterates = list(richardson_lucy(y, physics, 7))
    torch.testing.assert_close(iterates[-1], model(y, physics), rtol=1e-3, atol=1e-4)
    surprise = []
    for estimate in iterates:
        mean = physics.A(estimate).double().clamp(min=1e-9)
        surprise.append(float((mean - y * mean.log()).sum()))
    assert all(b < a for a, b in zip(surprise, surprise[1:], strict=False))
    # It keeps the sum of the measurements.
    assert float(iterates[-1].sum()) == pytest.approx(float(y.sum()), rel=1e-4)


def test_richardson_lucy_deblurs_poisson_noise_and_stops():
    gain = 0.005
    x, physics = blur(PoissonGaussianNoise(gain=gain, sigma=0.001))
    y = poisson(physics, x, gain)
    iterates = list(richardson_lucy(y, physics, 200))
    assert 2 < len(iterates) < 150
    allowed = expected_noise_norm(y, physics)
    residuals = [float((y - physics.A(estimate)).norm()) for estimate in iterates]
    assert residuals[-1] <= allowed < residuals[-2]
    assert psnr(iterates[-1], x) > psnr(y, x) + 1
    assert all(float(estimate.min()) >= 0 for estimate in iterates)


def test_sirt_stops_at_the_noise():
    x, physics = ct(sigma=0.05)
    y = noisy(physics.A(x), 0.05)
    iterates = list(sirt(y, physics, 300))
    assert len(iterates) < 200
    every = list(sirt(y, ct()[1], 300))
    assert len(every) == 301
    best = max(psnr(estimate, x) for estimate in every)
    assert psnr(iterates[-1], x) > best - 1.5
    assert psnr(iterates[-1], x) > psnr(every[-1], x)


def test_relaxation_is_the_size_of_a_step():
    x, physics = ct()
    _, half = sirt(physics.A(x), physics, 1, relaxation=0.5)
    _, whole = sirt(physics.A(x), physics, 1)
    torch.testing.assert_close(2 * half, whole)


def test_negative_measurements_count_as_zero():
    x, physics = blur(GaussianNoise(0.0))
    y = noisy(physics.A(x), 0.3)
    *_, one = richardson_lucy(y, physics, 3)
    *_, other = richardson_lucy(y.clamp(min=0), physics, 3)
    assert (y < 0).any()
    assert torch.equal(one, other)


def test_what_sums_pixels():
    kernel = gaussian_kernel(1.0)
    grid = kernel.repeat(4, 1, 1, 1)
    signed = kernel - kernel.max() / 2
    assert sums_pixels(ct()[1])
    assert sums_pixels(circular_blur((1, 24, 24), kernel))
    assert sums_pixels(varying_blur((1, 24, 24), grid, (2, 2)))
    assert not sums_pixels(circular_blur((1, 24, 24), signed / signed.sum()))
    for one_pixel in (
        denoising((1, 8, 8), None),
        inpainting((1, 8, 8), np.random.RandomState(0), 0.5),
    ):
        assert not sums_pixels(one_pixel)
