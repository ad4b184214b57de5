"""RAM applied again, and RAM with a wrong operator."""

import deepinv as dinv
import pytest
import torch

from benchmark_inverse_problems.problems.images import open_images
from benchmark_inverse_problems.studies import iterated_ram, uncertain_operator


def one_image(monkeypatch, study):
    """Let a study see the first picture of each set only."""
    monkeypatch.setattr(study, "open_images", lambda name: open_images(name).first(1))
    monkeypatch.setattr(study, "CROP", 32)


def linear(y, physics):
    """A method that follows the data: twice A^T y."""
    return 2 * physics.A_adjoint(y)


def test_ways_to_apply_a_method_again():
    noise = dinv.physics.GaussianNoise(0.0)
    physics = dinv.physics.Denoising(noise)
    y = torch.rand(1, 1, 16, 16, generator=torch.manual_seed(0))
    for way, factor in (
        (iterated_ram.once, 2),
        (iterated_ram.twicing, 0),  # 2 (2 y - 2 y)
        (iterated_ram.measured_again, 4),
    ):
        torch.testing.assert_close(way(y, physics, linear), factor * y)


def test_small_steps_lower_the_noise():
    physics = dinv.physics.Denoising(dinv.physics.GaussianNoise(0.4))
    levels = []

    def method(y, physics):
        levels.append(float(physics.noise_model.sigma))
        return torch.zeros_like(y)

    y = torch.ones(1, 1, 16, 16)
    found = iterated_ram.small_steps(y, physics, method, 4)
    assert levels == pytest.approx([0.4, 0.3, 0.2, 0.1]) and found.max() == 0


def test_the_network_is_the_denoiser_of_splitting():
    physics = dinv.physics.Denoising(dinv.physics.GaussianNoise(0.2))
    seen = []

    def method(y, physics):
        seen.append((type(physics), float(physics.noise_model.sigma)))
        return y

    y = torch.rand(1, 1, 16, 16)
    iterated_ram.in_splitting(y, physics, method, 0.2)
    assert seen == [(dinv.physics.Denoising, pytest.approx(0.2))]


def test_tables_have_all_ways_and_their_settings(monkeypatch, capsys):
    one_image(monkeypatch, iterated_ram)
    tasks = {"Gaussian blur": iterated_ram.TASKS["Gaussian blur"]}
    monkeypatch.setattr(iterated_ram, "TASKS", tasks)
    iterated_ram.main([])
    printed = capsys.readouterr().out
    for score in ("PSNR", "SSIM", "HaarPSI", "sharpness"):
        assert f"| {score} | Gaussian blur |" in printed
    assert printed.count("| in splitting |") == 5, "four scores and its weight"


def test_told_kernels_lie_between_the_right_and_the_wrong_one():
    wide, narrow = (
        dinv.physics.BlurFFT(img_size=(1, 16, 16), filter=torch.ones(1, 1, n, n) / n**2)
        for n in (5, 3)
    )
    same, none = uncertain_operator.told(wide, narrow, 0.0)
    other, all_of_it = uncertain_operator.told(wide, narrow, 1.0)
    x = torch.rand(1, 1, 16, 16)
    torch.testing.assert_close(same.A(x), wide.A(x))
    torch.testing.assert_close(other.A(x), narrow.A(x))
    assert none == 0 < all_of_it == pytest.approx(4 / 3, rel=0.01)


def test_tables_of_wrong_operators(monkeypatch, capsys):
    one_image(monkeypatch, uncertain_operator)
    for name, value in {"SHARES": (0.0, 0.8), "FACTORS": (1, 4)}.items():
        monkeypatch.setattr(uncertain_operator, name, value)
    uncertain_operator.main([])
    printed = capsys.readouterr().out
    for case in uncertain_operator.CASES:
        assert f"| {case} | kernel error |" in printed
    assert printed.count("| 80% wrong |") == 3 and "robust (noise x" in printed
