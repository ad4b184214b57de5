"""The compact RAM: its invariances, its start, its ablation, and its recipe."""

import dataclasses
import re
from functools import partial

import deepinv as dinv
import pytest
import torch

from benchmark_inverse_problems.networks.drunet import MultiHeadDRUNet
from benchmark_inverse_problems.networks.ram import VARIANTS, CompactRAM, load_ram
from benchmark_inverse_problems.training import mixed_loss, ram
from benchmark_inverse_problems.training import random_problems as tasks
from benchmark_inverse_problems.training.loop import train

SHAPE = (3, 32, 40)
# Narrow networks keep these tests quick; the architecture is the same.
NARROW = {"widths": (8, 8, 16, 16), "blocks": 2}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = CompactRAM(**NARROW, light=True)
    model.set_krylov_gain(1.0)
    return model.eval()


def physics(name, shape=SHAPE, scale=1.0):
    """One operator of each family, with noise levels times `scale`."""
    noise = dinv.physics.GaussianNoise(0.05 * scale)
    poisson = dinv.physics.PoissonGaussianNoise(gain=0.03 * scale, sigma=0.02 * scale)
    kernel = torch.rand(1, 1, 7, 7, generator=torch.Generator().manual_seed(1))
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(2)) < 0.5
    small = dinv.physics.GaussianNoise(0.0)
    return {
        "denoising": lambda: dinv.physics.Denoising(poisson),
        "blur": lambda: dinv.physics.BlurFFT(
            shape, kernel / kernel.sum(), noise_model=noise
        ),
        "sr": lambda: dinv.physics.Downsampling(
            shape, filter="bicubic", factor=4, padding="circular", noise_model=small
        ),
        "inpainting": lambda: dinv.physics.Inpainting(
            shape, mask.float(), noise_model=noise
        ),
    }[name]()


def test_size_and_biases():
    network = CompactRAM(light=True)
    assert sum(p.numel() for p in network.parameters()) <= 2.0e6
    assert not [name for name, _ in network.named_parameters() if "bias" in name]


@pytest.mark.parametrize("a", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("name", ["denoising", "blur", "sr", "inpainting"])
@torch.no_grad()
def test_scale_equivariance(model, name, a):
    operator = physics(name)
    y = operator.A(torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0)))
    expected = a * model(y, operator)
    found = model(a * y, physics(name, scale=a))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * a)


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_every_parameter_learns_but_the_other_heads(channels, light):
    torch.manual_seed(0)
    network = CompactRAM(**NARROW, light=light)
    shape = (channels, 32, 32)
    operator = physics("blur", shape)
    network(operator.A(torch.rand(2, *shape)), operator).square().mean().backward()
    head = re.compile(r"(?:m_head|m_tail|coding_conv)\.conv(\d)|\.(?:head|tail)(\d)\.")
    for name, parameter in network.named_parameters():
        found = head.search(name)
        if found and int(found[1] or found[2]) != channels - 1:
            assert parameter.grad is None, name
        else:
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("name", ["denoising", "blur", "inpainting"])
@pytest.mark.parametrize("channels", [1, 2, 3])
@torch.no_grad()
def test_any_size(model, name, channels):
    shape = (channels, 45, 70)
    operator = physics(name, shape)
    y = operator.A(torch.rand(1, *shape))
    estimate = model(y, operator)
    assert estimate.shape == y.shape
    assert estimate.isfinite().all()


@torch.no_grad()
def test_any_linear_physics(model):
    operator = dinv.physics.CompressedSensing(m=64, img_size=(1, 16, 16))
    assert model(operator.A(torch.rand(2, 1, 16, 16)), operator).shape == (2, 1, 16, 16)


@torch.no_grad()
def test_zero_measurements_give_zero(model):
    operator = physics("sr")  # without noise: bias-free networks keep zero
    y = torch.zeros_like(operator.A(torch.rand(1, *SHAPE)))
    assert model(y, operator).abs().max() == 0


def test_unknown_channels(model):
    with pytest.raises(ValueError, match="one by one"):
        model(torch.rand(1, 4, 16, 16), dinv.physics.Denoising())


@pytest.mark.parametrize("channels", [1, 3])
@torch.no_grad()
def test_starts_as_the_denoiser(channels):
    torch.manual_seed(0)
    denoiser = MultiHeadDRUNet()
    network = CompactRAM()
    network.start_from_denoiser(denoiser.state_dict())
    y = torch.rand(2, channels, 21, 30)
    operator = dinv.physics.Denoising(dinv.physics.GaussianNoise(0.1))
    expected = denoiser(y, 0.1)
    close = network(y, operator)
    assert 0 < (close - expected).abs().max() < 0.1
    network.set_krylov_gain(0.0)
    torch.testing.assert_close(network(y, operator), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network(y, sigma=0.1), network(y, operator))


@torch.no_grad()
def test_two_channels_start_as_the_gray_denoiser():
    denoiser, network = MultiHeadDRUNet(**NARROW), CompactRAM(**NARROW)
    network.start_from_denoiser(denoiser.state_dict())
    network.set_krylov_gain(0.0)
    y = torch.rand(1, 1, 16, 16)
    found = network(y.repeat(1, 2, 1, 1), sigma=0.1)
    expected = denoiser(y, 0.1).repeat(1, 2, 1, 1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_another_denoiser_is_refused():
    deep = MultiHeadDRUNet(widths=NARROW["widths"], blocks=3)
    with pytest.raises(ValueError, match="2 blocks"):
        CompactRAM(**NARROW).start_from_denoiser(deep.state_dict())


@torch.no_grad()
def test_problems_in_one_batch_are_independent(model):
    x = torch.rand(3, *SHAPE)
    shares = zip(("blur", "sr", "inpainting"), x.split(1), strict=True)
    pairs = [(physics(name).A(part), physics(name)) for name, part in shares]
    together = model.solve([model.prepare(*pair) for pair in pairs])
    alone = torch.cat([model(*pair) for pair in pairs])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_see_what_they_should(variant):
    torch.manual_seed(0)
    network = CompactRAM(**NARROW, variant=variant).eval()
    network.set_krylov_gain(1.0)
    operator = physics("blur")
    y = operator.A(torch.rand(1, *SHAPE))
    inputs, start, context = network.prepare(y, operator)
    adjoint = operator.A_adjoint(y)
    assert torch.equal(start[:, :3], adjoint) == (variant == "base")
    assert len(context) == (4 if variant in ("prox_y", "krylov") else 0)
    # Two blocks on the way down, two on the way up, two at the bottom.
    expected = [0] * 4 + [1] * 4 + [2] * 4 + [3] * 2 if variant == "krylov" else []
    assert sorted(scales_called(network, inputs, start, context)) == expected


def scales_called(network, inputs, start, context):
    """The scales at which a network's blocks call the operator."""
    calls, normal = [], inputs.operators.normal
    inputs.operators.normal = lambda z, scale: calls.append(scale) or normal(z, scale)
    network.backbone(start, inputs.operators, context)
    return calls


@torch.no_grad()
def test_light_networks_see_less_at_full_resolution(model):
    operator = physics("blur")
    problem = model.prepare(operator.A(torch.rand(1, *SHAPE)), operator)
    assert sorted(scales_called(model, *problem)) == [0] + [1] * 4 + [2] * 4 + [3] * 2
    with pytest.raises(ValueError, match="variant=prox is never light"):
        CompactRAM(**NARROW, variant="prox", light=True)


@torch.no_grad()
def test_one_scale_only():
    """The bundled network with fewer calls of the operator, and otherwise the same."""
    network = ram.at_one_scale(1).eval()
    operator = physics("blur")
    y = operator.A(torch.rand(1, *SHAPE))
    problem = network.prepare(y, operator)
    assert scales_called(network, *problem) == [1] * 4
    full = load_ram("bundled", "full", "ram").eval()
    for name, parameter in full.named_parameters():
        if name.endswith(".gain") and "_up2." not in name and "_down2." not in name:
            parameter.zero_()
    torch.testing.assert_close(network(y, operator), full(y, operator))


@pytest.mark.parametrize("name", ["blur", "sr", "inpainting", "cs"])
@torch.no_grad()
def test_the_step_after_the_network(model, name):
    """It solves (1 + w A^T A) u = x + w A^T y, x being the network's result."""
    if name == "cs":
        noise = dinv.physics.GaussianNoise(0.05)
        operator = dinv.physics.CompressedSensing(64, (1, 16, 16), noise_model=noise)
    else:
        operator = physics(name)
    shape = (2, 1, 16, 16) if name == "cs" else (2, *SHAPE)
    y = operator.A(torch.rand(shape))
    u = model(y, operator)
    inputs, start, context = model.prepare(y, operator)
    x = model.backbone(start, inputs.operators, context)
    log_weight, power = model.step[model.channels.index(shape[1])]
    adjoint = operator.A_adjoint(y) * getattr(operator, "factor", 1) ** 2
    snr = adjoint.abs().mean((1, 2, 3)) / inputs.noise
    weight = (log_weight.exp() * snr**power).view(-1, 1, 1, 1)
    left = u + weight * operator.A_adjoint_A(u)
    right = x + weight * operator.A_adjoint(y)
    assert (left - right).norm() < 1e-3 * right.norm()
    assert (operator.A(u) - y).norm() < (operator.A(x) - y).norm()


def test_unknown_variants():
    with pytest.raises(ValueError, match="use one of base, prox, prox_y, krylov"):
        CompactRAM(**NARROW, variant="proximal")
    with pytest.raises(ValueError, match="use one of full, base"):
        load_ram("bundled", "proximal", "ram")


def test_ablation_differs_in_one_thing_only():
    recipes = {recipe.name: recipe for recipe in ram.RECIPES}
    variants = [recipes[f"ram_{variant}"] for variant in VARIANTS]
    for recipe in variants[1:]:
        for name in ("steps", "lr", "seed", "patch"):
            assert getattr(recipe, name) == getattr(variants[0], name)
        assert recipe.draw.keywords == variants[0].draw.keywords
        assert recipe.loss == variants[0].loss
    for name in ("inpainting", "deblurring", "sr"):
        shares = recipes[f"ram_{name}"].draw.keywords["shares"]
        assert sum(shares.values()) in (15, 16)
        assert set(shares) < set(variants[0].draw.keywords["shares"])
    sizes = []
    for name in ("narrow", "krylov", "wide"):
        recipe = recipes[f"ram_{name}"]
        assert recipe.draw.keywords == variants[0].draw.keywords
        assert recipe.steps == variants[0].steps
        sizes.append(sum(p.numel() for p in recipe.build().parameters()))
    assert 2 * sizes[0] < sizes[1] < sizes[2] / 1.5


def test_training_resumes(sampler, tmp_path, monkeypatch):
    def stop(model, data, step):
        if step == 2:
            raise KeyboardInterrupt
        return mixed_loss.loss(model, data, step)

    validation = mixed_loss.validation_problems
    monkeypatch.setattr(mixed_loss, "VALIDATION_CROP", 64)
    monkeypatch.setattr("benchmark_inverse_problems.training.loop.CHECKPOINT_EVERY", 0)
    monkeypatch.setattr("benchmark_inverse_problems.training.loop.EVALUATIONS", 1)
    monkeypatch.setattr(
        mixed_loss,
        "validation_problems",
        lambda s: dict(list(validation(s).items())[:6]),
    )
    short = dataclasses.replace(
        ram.RECIPES[0],
        build=lambda: CompactRAM(**NARROW),
        draw=partial(tasks.draw, large_tasks=()),
        steps=3,
    )
    whole = train(short, sampler, tmp_path / "whole", quiet=True)
    with pytest.raises(KeyboardInterrupt):
        train(
            dataclasses.replace(short, loss=stop),
            sampler,
            tmp_path / "parts",
            quiet=True,
        )
    parts = train(short, sampler, tmp_path / "parts", quiet=True)
    assert parts["steps"] == 3
    # The loss is the mean over the steps since the resumption, so another one.
    scores = [
        {k: v for k, v in run["validation"].items() if k != "loss"}
        for run in (whole, parts)
    ]
    assert scores[1] == pytest.approx(scores[0], abs=1e-2)
