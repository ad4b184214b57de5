"""DiffPIR against deepinv's, DDRM on what it measured, and all on every operator."""

import deepinv as dinv
import numpy as np
import pytest
import torch
from deepinv.physics import Denoising
from torch.nn.functional import avg_pool2d, pad

from benchmark_inverse_problems.methods.diffusion import (
    ddrm,
    diffpir,
    dps,
    pigdm,
    schedule,
)
from benchmark_inverse_problems.methods.total_variation import total_variation
from benchmark_inverse_problems.physics.initial_estimate import initial_estimate

from ..small import OPERATORS, measured, noisy, picture, psnr
from ..test_plugins import SOLVERS
from ..tiny import tiny_problem


def shrink(x, sigma):
    """The best denoiser of flat images with deviations of 0.2; exact without noise."""
    mean = avg_pool2d(pad(x, (2, 2, 2, 2), mode="replicate"), 5, 1)
    return mean + (x - mean) * 0.04 / (0.04 + float(sigma) ** 2)


def flatten(x, sigma):
    """Total variation, which is better and slower; exact without noise too."""
    sigma = float(sigma)
    return total_variation(x, Denoising(), sigma, max_iter=20) if sigma else x


def last(estimates):
    *_, found = estimates
    return found


@pytest.mark.parametrize("steps", [5, 100])
def test_the_schedule_is_that_of_the_authors(steps):
    signal, noise = (np.array(part) for part in schedule(steps))
    np.testing.assert_allclose(signal**2 + noise**2, 1)
    assert (np.diff(signal) >= 0).all() and signal[0] < 0.01 and noise[-1] < 0.0101
    theirs = dinv.sampling.DiffPIR(None, None, max_iter=steps)
    times = 999 - theirs.seq.clamp(max=999)
    kept = theirs.sqrt_alphas_cumprod[times].numpy()
    np.testing.assert_allclose(signal, kept, rtol=1e-4)


@pytest.mark.parametrize("zeta", [0.3, 1.0])
def test_deepinv_has_half_the_weight_of_the_data(zeta):
    physics = Denoising(dinv.physics.GaussianNoise(0.1))
    y = noisy(picture(20, 31), 0.1)
    found = {}
    for variant, lambda_ in (("authors", 4.0), ("deepinv", 2.0), ("authors", 2.0)):
        torch.manual_seed(0)
        settings = {"lambda_": lambda_, "zeta": zeta, "steps": 30, "variant": variant}
        found[variant, lambda_] = last(diffpir(y, physics, shrink, **settings))
    same = found["authors", 4.0] - found["deepinv", 2.0]
    other = found["authors", 2.0] - found["deepinv", 2.0]
    assert same.abs().max() < 1e-3 < 0.1 * other.abs().max()


def test_diffpir_follows_the_data_where_lambda_is_small():
    x, y, physics, _ = measured("inpainting")
    near, far = (
        last(diffpir(y, physics, shrink, lambda_=lambda_, steps=12))
        for lambda_ in (0.1, 1e4)
    )
    errors = [(physics.mask * (found - y)).norm() for found in (near, far)]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("name", OPERATORS)
def test_diffpir_on_every_operator(name):
    x, y, physics, _ = measured(name)
    torch.manual_seed(0)
    found = list(diffpir(y, physics, shrink, steps=6))
    assert len(found) == 7
    assert all(image.shape == x.shape and image.isfinite().all() for image in found)
    torch.manual_seed(0)
    again = last(diffpir(y, physics, shrink, steps=6))
    assert torch.equal(again, found[-1])


@pytest.mark.parametrize("name", ["blur", "sr4", "inpainting", "mri"])
def test_diffpir_is_better_than_the_adjoint(name):
    x, y, physics, _ = measured(name)
    torch.manual_seed(0)
    found = last(diffpir(y, physics, flatten, lambda_=7.0, steps=12))
    assert psnr(found, x) > psnr(physics.A_adjoint(y), x) + 0.3


@pytest.mark.parametrize("name", ["inpainting", "mri", "denoising"])
def test_ddrm_keeps_what_is_measured_without_noise(name):
    """Whatever the denoiser says."""
    x, _, physics, _ = measured(name)
    physics.noise_model = dinv.physics.GaussianNoise(0.0)
    y = physics.A(x)
    torch.manual_seed(0)
    found = ddrm(y, physics, lambda x, _: x / 2, steps=6)
    assert (physics.A(found) - y).abs().max() < 1e-4 * y.abs().max()
    assert physics.noise_model.sigma == 0


@pytest.mark.parametrize("name", ["blur", "inpainting", "lines", "mri", "denoising"])
def test_ddrm_is_better_than_the_adjoint(name):
    x, y, physics, _ = measured(name)
    torch.manual_seed(0)
    found = ddrm(y, physics, flatten, steps=12)
    assert found.shape == x.shape
    assert psnr(found, x) > psnr(physics.A_adjoint(y), x) + 0.3


def test_ddrm_reads_the_level_of_poisson_noise():
    x, y, physics, _ = measured("denoising")
    physics.noise_model = dinv.physics.PoissonGaussianNoise(gain=0.04, sigma=0.01)
    assert psnr(ddrm(y, physics, shrink, steps=12), x) > psnr(y, x) - 1


@pytest.mark.parametrize("task", ["sr", "sr_matlab", "ct", "projections"])
def test_ddrm_skips_operators_without_singular_values(task):
    problem = tiny_problem(task)
    solver = SOLVERS["ddrm"].get_instance()
    reason = solver.refusal(problem.observe(0))
    assert reason == "needs an operator whose singular value decomposition is known"


@pytest.mark.parametrize(
    ("method", "settings", "message"),
    [
        (diffpir, {"variant": "other"}, "variant=other is not known: use one of"),
        (diffpir, {"lambda_": 0}, "lambda_ > 0, zeta in .* at least 2 steps, got 0"),
        (diffpir, {"zeta": 2}, "zeta in .0, 1."),
        (diffpir, {"steps": 1}, "at least 2 steps"),
        (ddrm, {"eta": -1}, "eta in .* got -1"),
        (ddrm, {"steps": 1}, "at least 2 steps, got 0.85 and 1"),
    ],
)
def test_wrong_settings_are_refused(method, settings, message):
    _, y, physics, _ = measured("inpainting")
    with pytest.raises(ValueError, match=message):
        list(method(y, physics, shrink, **settings))


@pytest.mark.parametrize("name", OPERATORS)
def test_dps_on_every_operator(name):
    x, y, physics, _ = measured(name)
    torch.manual_seed(0)
    found = dps(y, physics, shrink, steps=6)
    assert found.shape == x.shape and found.dtype == torch.float32
    assert found.isfinite().all() and not found.requires_grad
    torch.manual_seed(0)
    assert torch.equal(dps(y, physics, shrink, steps=6), found)


@pytest.mark.parametrize("name", ["sr4", "inpainting", "lines"])
def test_dps_fills_in_what_is_not_measured(name):
    """Also where A is small, as in down-sampling."""
    x, y, physics, _ = measured(name)
    torch.manual_seed(0)
    found = dps(y, physics, shrink, steps=40)
    assert psnr(found, x) > psnr(physics.A_adjoint(y), x) + 3


def test_dps_follows_the_data_where_the_weight_is_large():
    x, y, physics, _ = measured("inpainting")
    errors = []
    for weight in (0.01, 1.0):
        torch.manual_seed(0)
        found = dps(y, physics, shrink, steps=20, weight=weight)
        errors.append((physics.A(found) - y).norm())
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.parametrize("settings", [{"weight": 0}, {"steps": 1}])
def test_dps_refuses_settings(settings):
    x, y, physics, _ = measured("denoising")
    with pytest.raises(ValueError, match="DPS needs weight > 0 and at least 2 steps"):
        dps(y, physics, shrink, **settings)


@pytest.mark.parametrize("name", OPERATORS)
def test_pigdm_on_every_operator(name):
    x, y, physics, _ = measured(name)
    torch.manual_seed(0)
    found = pigdm(y, physics, shrink, steps=6)
    assert found.shape == x.shape and found.dtype == torch.float32
    assert found.isfinite().all() and not found.requires_grad
    torch.manual_seed(0)
    assert torch.equal(pigdm(y, physics, shrink, steps=6), found)


@pytest.mark.parametrize("name", ["sr4", "inpainting", "lines"])
def test_pigdm_fills_in_what_is_not_measured(name):
    x, y, physics, _ = measured(name)
    torch.manual_seed(0)
    found = pigdm(y, physics, shrink, steps=40)
    assert psnr(found, x) > psnr(physics.A_adjoint(y), x) + 3


def test_pigdm_follows_the_data_where_the_weight_is_large():
    x, y, physics, _ = measured("inpainting")
    errors = []
    for weight in (0.01, 1.0):
        torch.manual_seed(0)
        found = pigdm(y, physics, shrink, steps=20, weight=weight)
        errors.append((physics.A(found) - y).norm())
    assert errors[1] < 0.5 * errors[0]


def linear(x, sigma):
    """A denoiser that makes values below 1 of noise of level 80."""
    return x / 200 - 1


def test_the_guidance_is_that_of_deepinv_with_the_papers_weight():
    """One step from the same noise with and without guidance."""
    x, y, physics, _ = measured("inpainting")
    signal, noise = schedule(2)
    found = []
    for weight in (1e-9, 1e3):
        torch.manual_seed(0)
        settings = {"weight": weight, "deviation": 0.5, "lowest": -1e9}
        found.append(pigdm(y, physics, linear, steps=2, **settings))
    torch.manual_seed(0)
    level = noise[0] / signal[0] / 2
    drawn = torch.randn_like(initial_estimate(physics, y))
    start = (drawn / signal[0] + 1) / 2
    variance = 1 / (1 / level**2 + 1 / 0.5**2)
    # deepinv's r_t^2 is s^2 / (1 + s^2) for images in [0, 1].
    same = torch.tensor((variance / (1 - variance)) ** 0.5)
    gradient = dinv.sampling.PiGDMDataFidelity(linear).grad(start, y, physics, same)
    expected = -1e3 * signal[0] * variance * gradient
    assert expected.abs().mean() > 0.005
    torch.testing.assert_close(found[1] - found[0], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("settings", [{"weight": 0}, {"deviation": 0}, {"steps": 1}])
def test_pigdm_refuses_settings(settings):
    x, y, physics, _ = measured("denoising")
    message = "PiGDM needs weight > 0, deviation > 0 and at least 2 steps"
    with pytest.raises(ValueError, match=message):
        pigdm(y, physics, shrink, **settings)
