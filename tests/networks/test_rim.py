"""Recurrent inference machines: the cell, the reductions, any operator, the recipes."""

import deepinv as dinv
import numpy as np
import pytest
import torch

from benchmark_inverse_problems.methods.rim import load_rim, rim, start
from benchmark_inverse_problems.networks.precision import InBfloat16
from benchmark_inverse_problems.networks.rim import RIM, VARIANTS
from benchmark_inverse_problems.physics.noise import noise_levels
from benchmark_inverse_problems.physics.operators.random_projection import (
    random_projection,
)
from benchmark_inverse_problems.training import rim as recipe

from ..small import OPERATORS, measured, picture

SMALL = {"width": 8, "hidden": 8}


def build(variant="rim"):
    torch.manual_seed(0)
    return RIM(variant, **SMALL)


def last(y, physics, network=None):
    *_, estimate = rim(y, physics, network or build())
    return estimate


@pytest.mark.parametrize("variant", VARIANTS)
def test_size(variant):
    sizes = {v: sum(p.numel() for p in RIM(v).parameters()) for v in VARIANTS}
    assert sizes[variant] <= 0.6e6
    # The reductions are compared at the same size.
    assert sizes[variant] == pytest.approx(sizes["rim"], rel=0.01)


@pytest.mark.parametrize("operator", OPERATORS)
@torch.no_grad()
def test_any_linear_operator(operator):
    x, y, physics, _ = measured(operator)
    estimates = list(rim(y, physics, build(), 3))
    assert len(estimates) == 4
    for estimate in estimates:
        assert estimate.shape == x.shape
        assert 0 < estimate.min() and estimate.max() < 1


@torch.no_grad()
def test_random_matrix():
    physics = random_projection((1, 9, 11), np.random.RandomState(0), "binary", 0.5)
    physics.noise_model = dinv.physics.GaussianNoise(0.1)
    y = physics.A(picture(9, 11, 1))
    assert last(y, physics).shape == (1, 1, 9, 11)


@torch.no_grad()
def test_gradient_is_that_of_the_likelihood():
    x, y, physics, _ = measured("blur")
    network = build()
    sigma = noise_levels(physics, y).view(-1, 1, 1, 1)
    assert float(sigma) == pytest.approx(0.05)
    variance = sigma**2 + torch.nn.functional.softplus(network.log_epsilon)
    eta = start(physics, y).logit()
    with torch.enable_grad():
        eta.requires_grad_()
        energy = (physics.A(eta.sigmoid()) - y).square().sum() / (2 * variance)
        (expected,) = torch.autograd.grad(energy, eta)
    descent = physics.A_adjoint(physics.A(eta.sigmoid()) - y)
    found = network.gradient(descent, eta, sigma)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_what_the_reductions_see():
    """The descent network ignores eta, the feed-forward one has no state."""
    gradient, eta = torch.randn(2, 1, 1, 8, 8)
    for variant in VARIANTS:
        network = build(variant)
        network.gradient = lambda descent, eta, sigma: descent
        one, state = network(gradient, eta, None, None)
        other, _ = network(gradient, eta + 1, None, None)
        assert torch.equal(one, other) == (variant == "gdn")
        later, _ = network(gradient, eta, state, None)
        assert torch.equal(one, later) == (variant == "ffn")


@torch.no_grad()
def test_channels_do_not_mix():
    """Colour images are reconstructed channel by channel by one gray network."""
    _, y, physics, _ = measured("denoising")
    network = build()
    colour = last(y, physics, network)
    gray = [last(y[:, c : c + 1], physics, network) for c in range(3)]
    # The start's brightness is common to all channels; denoising leaves it at one.
    torch.testing.assert_close(colour, torch.cat(gray, 1), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_gets_a_gradient(variant):
    _, y, physics, _ = measured("blur")
    network = build(variant)
    sum(x.square().mean() for x in rim(y, physics, network, 3)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_bfloat16_is_close(variant):
    _, y, physics, _ = measured("blur")
    network = build(variant)
    exact = last(y, physics, network)
    rounded = last(y, physics, InBfloat16(network))
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.02)


def test_levels_of_each_image():
    y = torch.rand(2, 1, 8, 8)
    physics = dinv.physics.Denoising(
        dinv.physics.GaussianNoise(torch.tensor([0.1, 0.3]))
    )
    network = build()
    with torch.no_grad():
        both = last(y, physics, network)
        for i, sigma in enumerate((0.1, 0.3)):
            alone = dinv.physics.Denoising(dinv.physics.GaussianNoise(sigma))
            expected = last(y[i : i + 1], alone, network)
            torch.testing.assert_close(both[i : i + 1], expected, rtol=1e-3, atol=1e-4)


def test_bad_settings():
    physics = dinv.physics.Denoising()
    with pytest.raises(ValueError, match="use one of rim, gdn, ffn"):
        RIM("lstm")
    with pytest.raises(ValueError, match="use one of rim, gdn, ffn"):
        load_rim("lstm", physics)
    with pytest.raises(ValueError, match="not be negative, got -1"):
        list(rim(torch.rand(1, 1, 8, 8), physics, build(), -1))


@pytest.mark.parametrize("index", range(len(recipe.RECIPES)))
def test_recipe_learns_one_batch(sampler, index):
    chosen = recipe.RECIPES[index]
    torch.manual_seed(0)
    network = build(chosen.name.split("_")[0])
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(15):
        loss = chosen.loss(network, chosen.draw(sampler, 1), 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.85 * losses[0]


@torch.no_grad()
def test_validation_names_what_is_scored(sampler):
    network = build()
    scores = recipe.RECIPES[0].validate(network, sampler)
    assert set(scores) == {"denoise_25", "sr2", "sr3", "sr4"}
    scores = recipe.RECIPES[1].validate(network, sampler)
    assert len(scores) == 6 and all(np.isfinite(list(scores.values())))
