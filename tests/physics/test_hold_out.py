"""What is held out is independent of what is learned from."""

import numpy as np
import pytest
import torch

from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.physics.hold_out import SHARE, STRENGTH, HeldOut
from benchmark_inverse_problems.physics.noise import add_noise, noise_model

SHAPE = (3, 64, 64)


def measured(name, sigma=0.0, gain=0.0, **settings):
    """(x, y, physics) of a flat image."""
    physics = OPERATORS[name](SHAPE, np.random.RandomState(0), **settings)
    physics.noise_model = noise_model(sigma, gain)
    x = torch.full((1, *SHAPE), 0.5)
    clean = physics.A(x)
    return x, add_noise(clean, physics, np.random.RandomState(1), sigma, gain), physics


def correlation(a, b):
    return float(torch.corrcoef(torch.stack((a.flatten(), b.flatten())))[0, 1])


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("inpainting", {"keep": 0.5}),
        ("demosaicing", {}),
        ("compressed_sensing", {"ratio": 0.3}),
    ],
)
def test_a_tenth_of_the_entries_is_held_out(name, settings):
    x, y, physics = measured(name, sigma=0.05, **settings)
    before = physics.mask.clone()
    part = HeldOut(y, physics, torch.manual_seed(0))
    torch.testing.assert_close(physics.mask, before), "the operator is left alone"
    mask = part.physics.mask.expand_as(y)
    share = float(part.weight.sum() / before.expand_as(y).sum())
    assert share == pytest.approx(SHARE, abs=0.02)
    assert float((mask * part.weight).abs().max()) == 0
    torch.testing.assert_close(part.y, y * mask)
    # The truth misses what is held out by its noise.
    assert part.error(x) == pytest.approx(0.05**2, rel=0.25)
    assert part.error(x + 0.3) > part.error(x)


def test_gaussian_noise_is_split_into_independent_halves():
    x, y, physics = measured("denoising", sigma=0.1)
    part = HeldOut(y, physics, torch.manual_seed(0))
    first, second = part.y - x, part.other - x
    assert abs(correlation(first, second)) < 0.03
    level = float(part.physics.noise_model.sigma)
    assert float(first.std()) == pytest.approx(level, rel=0.03)
    assert level == pytest.approx(0.1 * (1 + STRENGTH**2) ** 0.5)
    assert float(physics.noise_model.sigma) == pytest.approx(0.1)


def test_photons_are_split_into_independent_halves():
    x, y, physics = measured("denoising", gain=0.5)
    part = HeldOut(y, physics, torch.manual_seed(0))
    assert float(part.y.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(part.other.mean()) == pytest.approx(0.5, abs=0.05)
    assert abs(correlation(part.y - x, part.other - x)) < 0.03
    gain = float(part.physics.noise_model.gain)
    assert gain == pytest.approx(0.5 / (1 - SHARE))
    variance = float((part.y - x).square().mean())
    assert variance == pytest.approx(gain * 0.5, rel=0.1)


def test_two_drawings_hold_out_other_parts():
    _, y, physics = measured("inpainting", sigma=0.05, keep=0.5)
    generator = torch.manual_seed(0)
    one, two = (HeldOut(y, physics, generator) for _ in range(2))
    assert not torch.equal(one.weight, two.weight)


def test_what_is_held_out_of_one_coil_is_held_out_of_all():
    rng = np.random.RandomState(0)
    physics = OPERATORS["parallel_mri"]((2, 20, 24), rng, 2, 0.1, coils=3)
    physics.noise_model = noise_model(0.01)
    x = torch.rand(1, 2, 20, 24)
    y = physics.A(x)
    part = HeldOut(y, physics, torch.manual_seed(0))
    torch.testing.assert_close(part.physics.A(x), part.y)
    assert part.weight.shape == y.shape
    assert torch.equal(part.weight[:, :, 0], part.weight[:, :, 2])
    assert part.error(x) < 1e-10 < part.error(0.5 * x)
    held, seen = (float(mask.sum()) for mask in (part.weight[:, :, 0], physics.mask))
    assert held / seen == pytest.approx(SHARE, abs=0.03)
    assert float(part.physics.mask.sum()) == pytest.approx(seen - held)
