"""Filtered back-projection and its windows."""

import pytest
import torch

from benchmark_inverse_problems.methods.back_projection import (
    WINDOWS,
    filtered_back_projection,
)
from benchmark_inverse_problems.physics.operators.tomography import tomography

from ..small import noisy, picture, psnr


@pytest.fixture(scope="module")
def scan():
    physics = tomography((1, 48, 48), None, 60)
    x = picture(48, 48, 1)
    inside = (
        torch.linspace(-1, 1, 48).square() + torch.linspace(-1, 1, 48)[:, None].square()
    ) < 0.9
    x = x * inside
    return x, physics.A(x), physics


def test_without_a_window_it_is_deepinvs(scan):
    _, y, physics = scan
    torch.testing.assert_close(
        filtered_back_projection(y, physics), physics.fbp(y), rtol=0, atol=1e-4
    )


def test_windows_keep_the_mean_and_remove_noise(scan):
    x, y, physics = scan
    scores = {}
    for window in WINDOWS:
        clean = filtered_back_projection(y, physics, window)
        assert float(clean.mean()) == pytest.approx(float(x.mean()), rel=0.05)
        seen = noisy(y, 0.05)
        scores[window] = psnr(filtered_back_projection(seen, physics, window), x)
    assert scores["hann"] > scores["cosine"] > scores["none"] + 1


def test_unknown_window(scan):
    _, y, physics = scan
    with pytest.raises(ValueError, match="window=box is not known: use one of none"):
        filtered_back_projection(y, physics, "box")
