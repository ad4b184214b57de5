"""The restoration models that FiRe uses as priors, and the one for JPEG."""

import io
import urllib.error
from types import SimpleNamespace

import deepinv as dinv
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from benchmark_inverse_problems.methods.restoration_models import (
    BUNDLED,
    PUBLISHED,
    RestorationModel,
    restoration_models,
)
from benchmark_inverse_problems.networks.drunet import MultiHeadDRUNet
from benchmark_inverse_problems.physics.jpeg import JPEG, compress
from benchmark_inverse_problems.training import jpeg as recipe

from ..small import measured, picture, psnr
from ..test_plugins import SOLVERS, reconstruct
from ..tiny import tiny_problem

UNCONDITIONED = [name for name in BUNDLED if name != "measurements"]


class Placer:
    """What the models need of a solver."""

    name = "fire_hqs"

    @staticmethod
    def place(network):
        return network.eval().requires_grad_(False)


def models(prior, channels=3, weights="bundled"):
    """The models; images with two channels are complex ones."""
    example = SimpleNamespace(shape=(1, channels, 8, 8), complex=channels == 2)
    return restoration_models(prior, weights, example, Placer)


@pytest.mark.parametrize("channels", [1, 3])
def test_compression_is_that_of_pillow(channels):
    x = picture(33, 41)[:, :channels]
    pixels = (255 * x[0]).round().byte().permute(1, 2, 0).squeeze().numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=40)
    expected = np.array(Image.open(file)).reshape(33, 41, channels)
    (found,) = compress(x, [40])
    np.testing.assert_array_equal((255 * found).round().permute(1, 2, 0), expected)
    assert 20 < psnr(found[None], x) < 40


def test_quality_means_quality():
    x = picture(48, 64)
    qualities = [5, 20, 50, 80, 100]
    found = compress(x.expand(5, -1, -1, -1), qualities)
    scores = [psnr(image, x[0]) for image in found]
    assert scores == sorted(scores) and scores[-1] > scores[0] + 10
    assert torch.equal(JPEG(50)(x), found[2:3])


def test_compression_refuses_what_no_file_holds():
    with pytest.raises(ValueError, match="1 or 3 channels and got one with 2"):
        compress(picture(8, 8, 2), [50])
    for quality in (0, 101, 49.5):
        with pytest.raises(ValueError, match=f"from 1 to 100, got .{quality}"):
            compress(picture(8, 8), [quality])


@pytest.mark.parametrize("name", UNCONDITIONED)
def test_each_model_undoes_its_own_degradation(name):
    """R(D x) is near x, and nearer than D x where both have one size."""
    x = picture(65, 71)
    (model,) = models(name)
    torch.manual_seed(0)
    degradation = model.draw(x)
    z = degradation(x)
    torch.manual_seed(0)
    found = model(x)
    assert found.shape == x.shape
    if z.shape == x.shape:
        assert psnr(model.restore(z, degradation), x) > psnr(z, x) + 0.5
    assert psnr(found, x) > 20
    torch.manual_seed(0)
    assert torch.equal(model(x), found)
    assert not torch.equal(model(x), found)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", UNCONDITIONED)
def test_gray_and_complex_images(name, channels):
    x = picture(33, 40, channels)
    (model,) = models(name, channels)
    found = model(x)
    assert found.shape == x.shape and psnr(found, x) > 15


@pytest.mark.parametrize("name", ["inpainting", "blur", "tomography"])
def test_conditioned_models_take_the_operator_itself(name):
    x, _, physics, _ = measured(name)
    (model,) = models("measurements", x.shape[1])
    assert model.draw(x, physics) is physics
    torch.manual_seed(0)
    found = model(x, physics)
    torch.manual_seed(0)
    torch.testing.assert_close(found, model.network(physics(x), physics))
    assert psnr(found, x) > psnr(physics.A_adjoint(physics.A(x)), x)


@pytest.mark.parametrize("name", ["inpainting", "blur", "sr4"])
def test_restorers_do_not_go_back_to_noisy_measurements(name):
    _, y, physics, _ = measured(name)
    restorer, reconstructor = models("missing-measurements", y.shape[1])
    with torch.no_grad():
        misfits = [
            (physics.A(network(y, physics)) - y).norm()
            for network in (reconstructor.network, restorer.network)
        ]
    assert misfits[0] < misfits[1]


def test_conditioned_models_take_poisson_noise():
    x = picture(24, 24) - 0.2
    physics = dinv.physics.Denoising(dinv.physics.PoissonGaussianNoise(0.04, 0.01))
    (model,) = models("measurements")
    assert model(x, physics).isfinite().all()


def test_several_priors_share_their_networks():
    found = models("sr2-missing-denoiser")
    assert [model.restoration for model in found] == [
        BUNDLED[name] for name in ("sr2", "missing", "denoiser")
    ]
    assert found[0].network is found[1].network is not found[2].network


@pytest.mark.parametrize("prior", SOLVERS["fire_hqs"].parameters["prior"].candidates)
def test_every_ensemble_that_is_tried_has_its_models(prior):
    assert [m.restoration for m in models(prior)] == [
        BUNDLED[name] for name in prior.split("-")
    ]


@pytest.mark.parametrize("name", UNCONDITIONED)
def test_strength_scales_the_noise_of_degradations(name):
    x = picture(32, 32)
    levels = []
    for strength in (1.0, 0.25):
        torch.manual_seed(0)
        model = RestorationModel(BUNDLED[name], None, strength)
        levels.append(float(model.draw(x).noise_model.sigma))
    assert levels[1] == pytest.approx(levels[0] / 4) and levels[0] > 0


def test_strength_leaves_the_operator_to_invert():
    physics = dinv.physics.Denoising(dinv.physics.GaussianNoise(0.3))
    model = RestorationModel(BUNDLED["measurements"], None, strength=0.25)
    assert model.draw(picture(8, 8), physics).noise_model.sigma == 0.3


@pytest.mark.parametrize("prior", ["other", "denoiser-other", ""])
def test_unknown_priors_are_refused(prior):
    with pytest.raises(ValueError, match=f"prior={prior} is not known"):
        models(prior)


def test_unknown_weights_are_refused():
    with pytest.raises(ValueError, match="use one of bundled, published"):
        models("denoiser", weights="other")


@pytest.mark.parametrize("name", ["jpeg", "gaussian", "sr2"])
def test_published_networks_say_which_file_is_missing(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def offline(*arguments, **settings):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    with pytest.raises(FileNotFoundError, match="are not on disk") as error:
        models(name, weights="published")
    assert any(file in str(error.value) for file in SOLVERS["fire_hqs"].published)
    assert "fire_hqs[weights=bundled]" in str(error.value)


class Enlarge(nn.Module):
    """A network for colour images that doubles the sides if it is told to."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        assert x.shape[1] == 3
        return nn.functional.interpolate(x, scale_factor=self.factor, mode="bicubic")


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("name", ["jpeg", "gaussian", "sr2"])
def test_blind_published_networks_see_colour(name, channels):
    x = picture(33, 41, channels)
    network = Enlarge(2 if name == "sr2" else 1)
    model = RestorationModel(PUBLISHED[name], network, complex=channels == 2)
    found = model(x)
    assert found.shape == x.shape and psnr(found, x) > 15


def test_the_solver_combines_priors():
    problem = tiny_problem("deblur")
    settings = {"lambda_": 0.01, "iterations": 3, "weights": "bundled"}
    settings |= {"strength": 1.0, "gamma": 1.0}
    alone, both = (
        reconstruct("fire_hqs", problem, prior=prior, **settings)[0]
        for prior in ("denoiser", "denoiser-sr2")
    )
    assert both.parameters > alone.parameters
    assert not torch.equal(alone.x_hat, both.x_hat)


def test_the_recipe_of_jpeg(sampler, monkeypatch):
    """It degrades as it says, its loss falls, and its scores are named."""
    x = sampler.batch(sampler.rng(0), 2, 3)
    sigma = torch.tensor([0.0, 0.1])
    y = recipe.degrade(sampler.rng(1), x, [90, 90], sigma)
    clean = compress(x, [90, 90])
    assert torch.equal(y[0], clean[0])
    assert (y - clean)[1].std() == pytest.approx(0.1, rel=0.1)
    torch.manual_seed(0)
    model = MultiHeadDRUNet(widths=(8, 8, 8, 8), blocks=1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = recipe.draw(sampler, 0)
    before = recipe.loss(model, first, 0).item()
    for step in range(24):
        optimizer.zero_grad()
        recipe.loss(model, recipe.draw(sampler, step), step).backward()
        optimizer.step()
    assert recipe.loss(model, first, 0).item() < 0.9 * before
    with torch.no_grad():
        scores = recipe.validate(model, sampler)
    assert set(scores) == {
        f"{kind}_{level}"
        for kind in ("colour", "gray")
        for level in ("q20_0", "q60_0", "q60_13")
    }
