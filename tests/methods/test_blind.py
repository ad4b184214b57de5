"""Blind deblurring: kernels of each image, what solvers are told, and the likelihood."""

from functools import partial

import deepinv as dinv
import numpy as np
import pytest
import torch

from benchmark_inverse_problems.judge.case import Case, judge
from benchmark_inverse_problems.judge.reconstruction import Estimate, Reconstruction
from benchmark_inverse_problems.methods import blind
from benchmark_inverse_problems.methods.alternating import (
    kernel_by_turns,
    likeliest_kernel,
)
from benchmark_inverse_problems.networks.kernel_network import load_kernel_network
from benchmark_inverse_problems.physics.facts import local_kernels
from benchmark_inverse_problems.physics.kernels import (
    anisotropic_kernel,
    gaussian_kernel,
    no_blur,
)
from benchmark_inverse_problems.physics.operators.blur import (
    circular_blur,
    varying_blur,
)

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


@pytest.mark.parametrize("family", ["gaussian", "motion", "varying"])
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
        torch.testing.assert_close(
            local_kernels(told.physics), local_kernels(judged.physics)
        )
        kernels.append(local_kernels(judged.physics))
        torch.testing.assert_close(
            kernels[-1].sum((1, 2, 3)), torch.ones(len(kernels[-1]))
        )
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


def natural(exponent):
    """An image (1, 1, 128, 128) whose amplitudes fall as those of photographs."""
    generator = torch.manual_seed(0)
    white = torch.fft.fft2(torch.randn(1, 1, 128, 128, generator=generator))
    frequencies = torch.fft.fftfreq(128)
    radius = torch.hypot(frequencies[:, None], frequencies)
    radius[0, 0] = 1
    x = torch.fft.ifft2(white * radius ** (-exponent / 2)).real
    return 0.5 + 0.15 * x / x.std()


@pytest.mark.parametrize("stds", [(1.0, 1.0), (2.5, 1.2), (3.0, 2.0)])
def test_the_likelihood_finds_the_kernel_of_its_model(stds):
    """An image with exactly the spectrum that the method assumes."""
    x = natural(2.4)
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
    blur = circular_blur((3, 32, 32), no_blur())
    found = blind.restored(y, physics, blur, restore, inflation=3.0)
    assert levels == [pytest.approx(0.3)] and torch.equal(found.kernel, no_blur())


def test_methods_for_gaussian_kernels_skip_others():
    chosen = SOLVERS["blind_ml"].get_instance()
    motion = problem(family="motion").observe(0)
    assert chosen.refusal(motion) == "is for Gaussian kernels"
    assert SOLVERS["blind_floor"].get_instance().refusal(motion) is None


def test_a_blur_that_varies_has_the_kernels_of_its_grid():
    shape, kernels = (1, 40, 44), torch.rand(9, 1, 5, 5)
    kernels = kernels / kernels.sum((2, 3), keepdim=True)
    physics = varying_blur(shape, kernels, (3, 3))
    for row, column, index in ((0, 0, 0), (39, 43, 8), (0, 43, 2)):
        # y at a pixel is the sum of x around it, by the turned kernel of the place.
        x = torch.zeros(1, *shape)
        x[..., row, column] = 1
        back = physics.A_adjoint(x).roll((-row + 2, -column + 2), (2, 3))
        expected = kernels[index, 0].flip(0, 1)
        torch.testing.assert_close(back[0, 0, :5, :5], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(local_kernels(physics)[[0, -1]], kernels[[0, -1]])
    same = varying_blur(shape, kernels[:1].expand(9, -1, -1, -1), (3, 3))
    x = picture(40, 44)[:, :1]
    torch.testing.assert_close(
        same.A(x), circular_blur(shape, kernels[:1]).A(x), atol=1e-5, rtol=0
    )
    with pytest.raises(ValueError, match="larger image"):
        varying_blur((1, 4, 40), kernels, (3, 3))


def edges(size=96):
    """A picture of rectangles of several grays."""
    rng = np.random.RandomState(0)
    x = torch.full((1, 3, size, size), 0.5)
    for _ in range(30):
        (top, left), (high, wide) = rng.randint(0, size - 12, 2), rng.randint(8, 40, 2)
        x[..., top : top + high, left : left + wide] = rng.uniform(0.1, 0.9)
    return x


@pytest.mark.parametrize(("family", "most"), [("motion", 0.45), ("varying", 0.6)])
def test_turns_find_the_kernel_of_a_picture_with_edges(family, most):
    p = problem(family=family, crop=96, n_images=1)
    _, observation = p.judged(0)
    truth, physics = edges(), observation.physics
    y = noisy(physics.A(truth), 0.01)
    told = p.observe(0).physics
    find = partial(likeliest_kernel, weights=[0.1, 0.2])
    found = blind.with_kernel(y, told, lambda y, physics: y, find)
    case = Case(truth, truth, observation, found)
    unchanged = Case(truth, truth, observation, Estimate(truth, kernel=no_blur()))
    assert case.kernel_error() < min(most, 0.6 * unchanged.kernel_error())
    assert found.kernel.shape[0] == 1 and float(found.kernel.sum()) == pytest.approx(1)
    assert (found.kernel >= 0).all()


@pytest.mark.parametrize("value", [0.5, 0.0])
def test_turns_on_a_picture_without_edges_find_a_kernel(value):
    kernel = likeliest_kernel(torch.full((1, 1, 48, 52), value), 1 / 255)
    assert torch.isfinite(kernel).all() and float(kernel.sum()) == pytest.approx(1)


def test_no_blur_is_likeliest_where_there_is_none():
    y = noisy(natural(2.4), 0.01)
    assert likeliest_kernel(y, 0.01).shape == (1, 1, 1, 1)


def test_a_network_of_varying_kernels_sees_any_size():
    """The stand-in has the outputs of deepinv's network, which is too large for a test."""

    def network(y):
        assert y.shape == (1, 3, 64, 96)
        kernels = torch.rand(1, 1, 4, 33, 33)
        weights = torch.rand(1, 1, 4, 64, 96).softmax(2)
        return {
            "filters": kernels / kernels.sum((3, 4), keepdim=True),
            "multipliers": weights,
        }

    physics = dinv.physics.Denoising(dinv.physics.GaussianNoise(0.1))
    y = picture(50, 70)
    found = blind.with_network(y, physics, lambda y, blur: blur.A(y), network)
    assert found.x_hat.shape == y.shape and found.kernel.shape == (25, 1, 33, 33)
    torch.testing.assert_close(found.kernel.sum((1, 2, 3)), torch.ones(25))


def test_the_network_improves_the_kernel_that_it_is_given():
    """On the tuning pictures, which no step of its training saw."""
    network = load_kernel_network("bundled", "blind_net").eval()
    errors = []
    for index in range(2):
        p = problem(family="gaussian", level="medium", crop=96, images="tuning")
        truth, observation = p.judged(index)
        y = p.observe(index).y
        first = kernel_by_turns(y, 0.02, 0.1)
        with torch.no_grad():
            found = network(y, 0.02, first)
        errors.append(
            [
                Case(
                    truth, truth, observation, Estimate(truth, kernel=k)
                ).kernel_error()
                for k in (first, found)
            ]
        )
    before, after = np.mean(errors, 0)
    assert after < before
