"""Blind deblurring: kernels of each image, what solvers are told, and the likelihood."""

import deepinv as dinv
import numpy as np
import pytest
import torch

from benchmark_inverse_problems.judge.case import Case, judge
from benchmark_inverse_problems.judge.reconstruction import Estimate, Reconstruction
from benchmark_inverse_problems.methods import blind
from benchmark_inverse_problems.physics.kernels import (
    anisotropic_kernel,
    gaussian_kernel,
    no_blur,
)
from benchmark_inverse_problems.physics.operators.blur import circular_blur

from ..small import noisy, picture
from ..test_plugins import SOLVERS, bundled, reconstruct
from ..tiny import dataset


def problem(**settings):
    settings = {"crop": 48, "level": "easy", "n_images": 2, "images": "bundled"} | (
        settings
    )
    return dataset("blind_deblur").get_instance(**settings).get_data()["problem"]


def test_kernels_with_two_deviations():
    torch.testing.assert_close(
        anisotropic_kernel((1.5, 1.5), 0.7), gaussian_kernel(1.5)
    )
    wide = anisotropic_kernel((3.0, 1.0), 0.0)[0, 0]
    high = anisotropic_kernel((3.0, 1.0), np.pi / 2)[0, 0]
    torch.testing.assert_close(wide, high.T)
    n = torch.arange(len(wide)) - len(wide) // 2
    assert float((wide.sum(0) * n**2).sum()) == pytest.approx(9, rel=0.05)
    assert float((wide.sum(1) * n**2).sum()) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("family", ["gaussian", "motion"])
def test_solvers_are_told_the_family_and_the_noise_only(family):
    blind_one, known = (problem(family=family, kernel=k) for k in ("unknown", "known"))
    kernels = []
    for index in range(2):
        _, judged = blind_one.judged(index)
        seen, told = blind_one.observe(index), known.observe(index)
        assert torch.equal(seen.y, told.y)
        assert not seen.known and told.known
        assert seen.physics.filter.shape[2:] == (1, 1)
        assert seen.physics.kernel_family == family
        assert float(seen.physics.noise_model.sigma) == pytest.approx(0.01)
        torch.testing.assert_close(told.physics.filter, judged.physics.filter)
        kernels.append(judged.physics.filter)
        assert float(kernels[-1][:, :1].sum()) == pytest.approx(1, rel=1e-4)
    assert kernels[0].shape != kernels[1].shape or not torch.equal(*kernels)
    assert reconstruct("ram", blind_one, weights="bundled") is None
    assert reconstruct("ram", known, weights="bundled") is not None


def test_the_error_of_a_kernel_does_not_depend_on_its_place():
    p = problem()
    truth, observation = p.judged(0)
    true = observation.physics.filter[:, :1]

    def error(kernel):
        return Case(truth, truth, observation, Estimate(truth, kernel=kernel))

    assert error(true).kernel_error() == pytest.approx(0, abs=1e-3)
    shifted = torch.nn.functional.pad(true, (3, 0, 1, 2))
    assert error(shifted).kernel_error() == pytest.approx(0, abs=1e-3)
    assert error(0 * true).kernel_error() == pytest.approx(1)
    assert error(no_blur()).kernel_error() > 0.5
    assert np.isnan(judge(Reconstruction(truth), truth, observation)["kernel_error"])


@pytest.mark.parametrize("stds", [(1.0, 1.0), (2.5, 1.2), (3.0, 2.0)])
def test_the_likelihood_finds_the_kernel_of_its_model(stds):
    """An image with exactly the spectrum that the method assumes."""
    generator = torch.manual_seed(0)
    white = torch.fft.fft2(torch.randn(1, 1, 128, 128, generator=generator))
    frequencies = torch.fft.fftfreq(128)
    radius = torch.hypot(frequencies[:, None], frequencies)
    radius[0, 0] = 1
    x = torch.fft.ifft2(white * radius**-1.2).real
    x = 0.5 + 0.15 * x / x.std()
    true = anisotropic_kernel(stds, 0.6)
    physics = circular_blur((1, 128, 128), true)
    physics.noise_model = dinv.physics.GaussianNoise(0.01)
    y = noisy(physics.A(x), 0.01)
    found = blind.gaussian_by_likelihood(y, 0.01, 2.4)

    class Blurred:
        physics = None
        complex = False

    Blurred.physics = physics
    case = Case(x, x, Blurred, Estimate(x, kernel=found))
    assert case.kernel_error() < 0.12


def test_the_likelihood_is_better_than_the_floor():
    p = problem(level="medium", crop=128, n_images=1)
    psnr = {}
    for name in ("blind_ml", "blind_floor"):
        (found,) = reconstruct(name, p, **bundled(name))
        truth, observation = p.judged(0)
        scores = judge(found, truth, observation)
        psnr[name] = scores["psnr"]
        assert np.isfinite(scores["kernel_error"])
    assert psnr["blind_ml"] > psnr["blind_floor"] + 1
    other = reconstruct("blind_ml", p, **bundled("blind_ml") | {"restorer": "dpir"})
    assert judge(other[0], truth, observation)["psnr"] > psnr["blind_floor"] + 1


def test_the_noise_level_is_inflated():
    levels = []

    def restore(y, physics):
        levels.append(float(physics.noise_model.sigma))
        return y

    y, physics = (
        picture(32, 32),
        dinv.physics.Denoising(dinv.physics.GaussianNoise(0.1)),
    )
    found = blind.with_kernel(y, physics, no_blur(), restore, inflation=3.0)
    assert levels == [pytest.approx(0.3)] and torch.equal(found.kernel, no_blur())


def test_methods_for_gaussian_kernels_skip_others():
    chosen = SOLVERS["blind_ml"].get_instance()
    motion = problem(family="motion").observe(0)
    assert chosen.refusal(motion) == "is for Gaussian kernels"
    assert SOLVERS["blind_floor"].get_instance().refusal(motion) is None
