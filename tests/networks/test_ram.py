"""RAM: its invariances, its start, its ablation, its recipe, and the authors' network."""

import copy
import dataclasses
import re
from functools import partial

import deepinv as dinv
import numpy as np
import pytest
import torch
from deepinv.models import ram as authors

from benchmark_inverse_problems.networks.drunet import MultiHeadDRUNet
from benchmark_inverse_problems.networks.precision import InBfloat16
from benchmark_inverse_problems.networks.ram import (
    RAM,
    VARIANTS,
    PublishedRAM,
    load_ram,
)
from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.physics.normal import multiscale
from benchmark_inverse_problems.training import mixed_loss, ram
from benchmark_inverse_problems.training import random_problems as tasks
from benchmark_inverse_problems.training.loop import train

SHAPE = (3, 32, 40)
# Narrow networks keep these tests quick; the architecture is the same.
NARROW = {"widths": (8, 8, 16, 16), "blocks": 2}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = RAM(**NARROW, light=True)
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
    network = RAM(light=True)
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
    network = RAM(**NARROW, light=light)
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
    network = RAM()
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
    denoiser, network = MultiHeadDRUNet(**NARROW), RAM(**NARROW)
    network.start_from_denoiser(denoiser.state_dict())
    network.set_krylov_gain(0.0)
    y = torch.rand(1, 1, 16, 16)
    found = network(y.repeat(1, 2, 1, 1), sigma=0.1)
    expected = denoiser(y, 0.1).repeat(1, 2, 1, 1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_another_denoiser_is_refused():
    deep = MultiHeadDRUNet(widths=NARROW["widths"], blocks=3)
    with pytest.raises(ValueError, match="2 blocks"):
        RAM(**NARROW).start_from_denoiser(deep.state_dict())


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
    network = RAM(**NARROW, variant=variant).eval()
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
        RAM(**NARROW, variant="prox", light=True)


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
        RAM(**NARROW, variant="proximal")
    with pytest.raises(ValueError, match="use one of full, scale2, with_factor, base"):
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
        build=lambda: RAM(**NARROW),
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


# The authors' network: narrow ones of their format, with random parameters.
SIDES = (8, 8, 16, 16)
GAUSSIAN = dinv.physics.GaussianNoise
POISSON = dinv.physics.PoissonGaussianNoise


class Authors(dinv.models.RAM):
    """deepinv's class, narrow: its widths are not settings."""

    def __init__(self):
        super().__init__(pretrained=False)
        heads = [1, 2, 3]
        self.m_head = authors.InHead([3, 4, 5], SIDES[0])
        self.m_tail = authors.OutTail(SIDES[0], heads)
        for scale, width in enumerate(SIDES):
            names = (
                [f"m_down{scale + 1}", f"m_up{scale + 1}"] if scale < 3 else ["m_body"]
            )
            for name in names:
                stage = authors.BaseEncBlock(
                    width, width, nb=1, img_channels=heads, decode_upscale=2**scale
                )
                setattr(self, name, stage)
        for scale in range(3):
            narrow, wide = SIDES[scale : scale + 2]
            down = authors.downsample_strideconv(narrow, wide, bias=False, mode="2")
            up = authors.upsample_convtranspose(wide, narrow, bias=False, mode="2")
            setattr(self, f"pool{scale + 1}", down)
            setattr(self, f"up{scale + 1}", up)


@pytest.fixture(scope="module")
def pair():
    """deepinv's network and ours, with the same parameters."""
    torch.manual_seed(0)
    theirs, ours = Authors().eval(), narrow_published()
    for name, parameter in theirs.named_parameters():
        if name.endswith("gain"):  # of both signs
            parameter.data.normal_()
    theirs.fact_realign.data.fill_(0.7)
    ours.start_from_checkpoint(theirs.state_dict())
    return theirs, ours.eval()


def narrow_published(**settings):
    return PublishedRAM(widths=SIDES, blocks=1, **settings)


def problem(name, shape, noise, **settings):
    """Measurements of two images, and the suite's operator."""
    operator = OPERATORS[name](shape, np.random.RandomState(0), **settings)
    operator.noise_model = noise
    generator = torch.Generator().manual_seed(1)
    y = operator.A(torch.rand(2, *shape, generator=generator))
    return y + 0.02 * torch.randn(y.shape, generator=generator), operator


def distance(found, expected):
    """The largest difference, relative to the image's range."""
    return ((found - expected).abs().max() / (expected.max() - expected.min())).item()


PROBLEMS = [
    ("denoising", (3, 64, 80), GAUSSIAN(0.03), {}),
    ("denoising", (2, 45, 71), POISSON(gain=0.02, sigma=0.01), {}),
    ("gaussian_blur", (3, 64, 80), GAUSSIAN(0.03), {"std": 1.5}),
    ("gaussian_blur", (1, 45, 70), POISSON(gain=0.02, sigma=0.01), {"std": 1.5}),
    (
        "motion_blur",
        (3, 64, 64),
        GAUSSIAN(0.0),
        {"length_scale": 0.6, "std": 0.5, "seed": 2},
    ),
    (
        "motion_blur",
        (3, 72, 45),
        GAUSSIAN(0.03),
        {"length_scale": 0.6, "std": 0.5, "seed": 2},
    ),
    ("downsampling", (3, 64, 80), GAUSSIAN(0.01), {"factor": 2}),
    ("downsampling", (3, 70, 74), GAUSSIAN(0.01), {"factor": 2}),
    ("downsampling", (3, 96, 96), GAUSSIAN(0.01), {"factor": 3}),
    ("downsampling", (1, 63, 81), GAUSSIAN(0.0), {"factor": 3}),
    ("downsampling", (3, 64, 80), GAUSSIAN(0.0), {"factor": 4}),
    ("downsampling_matlab", (3, 64, 96), GAUSSIAN(0.01), {"factor": 4}),
    ("inpainting", (3, 64, 80), GAUSSIAN(0.01), {"keep": 0.5}),
    ("inpainting", (3, 33, 100), POISSON(gain=0.02, sigma=0.01), {"keep": 0.5}),
    ("demosaicing", (3, 64, 80), GAUSSIAN(0.01), {}),
    ("demosaicing", (3, 66, 70), GAUSSIAN(0.01), {}),
    ("compressed_sensing", (3, 64, 80), GAUSSIAN(0.01), {"ratio": 0.4}),
    ("compressed_sensing", (1, 45, 50), GAUSSIAN(0.01), {"ratio": 0.4}),
    ("mri", (2, 64, 80), GAUSSIAN(0.01), {"acceleration": 4, "centre": 0.08}),
    ("mri", (2, 45, 71), GAUSSIAN(0.01), {"acceleration": 4, "centre": 0.08}),
    ("tomography", (1, 64, 64), GAUSSIAN(0.01), {"angles": 12}),
    ("tomography", (1, 50, 50), GAUSSIAN(0.0), {"angles": 12}),
]


@pytest.mark.parametrize(("name", "shape", "noise", "settings"), PROBLEMS)
@torch.no_grad()
def test_published_is_deepinvs(pair, name, shape, noise, settings):
    y, operator = problem(name, shape, noise, **settings)
    expected, found = (network(y, operator) for network in pair)
    assert found.shape == expected.shape == (2, *shape)
    assert distance(found, expected) < 1e-4


@torch.no_grad()
def test_published_on_dark_measurements_is_deepinvs(pair):
    y, operator = problem("gaussian_blur", (3, 45, 64), GAUSSIAN(1e-3), std=1.0)
    y[0] *= 0.01 / y[0].max()
    expected, found = (network(y.clone(), operator) for network in pair)
    for one, other in zip(found, expected, strict=True):
        assert distance(one, other) < 1e-4
    expected, found = (network(y, sigma=0.1, gain=0.01) for network in pair)
    assert distance(found, expected) < 1e-4
    assert pair[1](0 * y, operator).isfinite().all()


@pytest.mark.parametrize(("shape", "factor"), [((1, 64, 80), 2), ((1, 66, 72), 3)])
@torch.no_grad()
def test_published_with_the_factor_of_super_resolution(
    pair, shape, factor, monkeypatch
):
    """It is deepinv's network where its wrapper tells the factor."""
    theirs, ours = pair
    y, operator = problem("downsampling_matlab", shape, GAUSSIAN(0.1), factor=factor)
    network = narrow_published(with_factor=True)
    network.load_state_dict(ours.state_dict())
    without = ours(y, operator)
    monkeypatch.setattr(
        dinv.physics.LinearPhysicsMultiScaler, "factor", factor, raising=False
    )
    expected, found = theirs(y, operator), network(y, operator)
    assert distance(found, expected) < 1e-4 < distance(without, expected)


@torch.no_grad()
def test_published_in_bfloat16_has_operators_in_float32(pair):
    y, operator = problem("gaussian_blur", (3, 64, 64), GAUSSIAN(0.03), std=1.5)
    exact, network = pair[1](y, operator), copy.deepcopy(pair[1])
    inner, dtypes = [], set()
    network.m_down2.enc[0].conv2.register_forward_hook(
        lambda layer, inputs, output: inner.append(output.dtype)
    )
    scales = type(multiscale(operator, y.shape[1:]))
    with pytest.MonkeyPatch.context() as patch:
        original = scales._normal
        patch.setattr(
            scales,
            "_normal",
            lambda self, z, scale: dtypes.add(z.dtype) or original(self, z, scale),
        )
        rounded = InBfloat16(network)(y, operator)
    assert inner == [torch.bfloat16] and dtypes == {torch.float32}
    assert rounded.dtype is torch.float32
    assert 0 < distance(rounded, exact) < 0.1


def test_published_can_be_finetuned(pair):
    theirs, ours = copy.deepcopy(pair)
    y, operator = problem("inpainting", (3, 64, 64), GAUSSIAN(0.03), keep=0.5)
    for network in (theirs, ours):
        network(y, operator).square().mean().backward()
    wanted = dict(theirs.named_parameters())
    seen = 0
    for name, parameter in ours.named_parameters():
        other = wanted["fact_realign" if name == "eta" else name]
        if other.grad is None:  # of another number of channels
            assert parameter.grad is None, name
            continue
        seen += 1
        assert parameter.grad.norm() > 0, name
        torch.testing.assert_close(
            parameter.grad.norm(), other.grad.norm(), rtol=1e-3, atol=1e-9
        )
    assert seen > 50


@torch.no_grad()
def test_published_problems_in_one_batch_are_independent(pair):
    cases = [
        problem(name, (3, 45, 64), GAUSSIAN(0.03), **settings)
        for name, settings in (("inpainting", {"keep": 0.5}), ("denoising", {}))
    ]
    network = pair[1]
    together = network.solve([network.prepare(*case) for case in cases])
    alone = torch.cat([network(*case) for case in cases])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_checkpoints_of_other_networks_are_refused(pair):
    theirs, _ = pair
    weights = theirs.state_dict()
    with pytest.raises(ValueError, match="m_tail.conv0.weight has the shape"):
        wider = {"m_tail.conv0.weight": torch.zeros(2, 8, 3, 3)}
        narrow_published().start_from_checkpoint(weights | wider)
    del weights["fact_realign"]
    with pytest.raises(ValueError, match="fact_realign is missing"):
        narrow_published().start_from_checkpoint(weights)


@pytest.mark.parametrize(
    ("weights", "variant", "exists"),
    [("published", "prox", "bundled"), ("bundled", "with_factor", "published")],
)
def test_variants_without_these_weights(weights, variant, exists):
    with pytest.raises(ValueError, match=f"no {weights} weights: use weights={exists}"):
        load_ram(weights, variant, "ram")
