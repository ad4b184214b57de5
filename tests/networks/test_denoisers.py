"""Denoisers by name: without weights, with the authors', and where something is missing."""

import sys
import urllib.error
from types import SimpleNamespace

import deepinv as dinv
import pytest
import torch
from benchopt.benchmark import Benchmark

from benchmark_inverse_problems.methods.dpir import denoised
from benchmark_inverse_problems.networks import denoisers as library
from benchmark_inverse_problems.networks.denoisers import (
    DENOISERS,
    READY,
    NearestLevel,
    Padded,
    checkpoints,
    in_colour,
    load_named,
)
from benchmark_inverse_problems.physics.operators.denoising import denoising

from ..conftest import ROOT
from ..small import noisy, picture, psnr
from ..tiny import tiny_problem

SOLVERS = {s.name: s for s in Benchmark(ROOT).get_solvers()}
EDGES = picture(29, 34)  # sides that are no multiples of anything


def test_names():
    assert set(READY) == {
        "compact_drunet", "bm3d", "tv", "tgv", "wavelet", "bilateral", "median"
    }  # fmt: skip
    assert set(DENOISERS) - set(READY) == {
        "epll", "dncnn", "dsccp", "ffdnet", "drunet", "gsdrunet", "scunet", "swinir",
        "restormer", "deal",
    }  # fmt: skip


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", sorted(set(READY) - {"bm3d"}))
def test_it_denoises(name, channels):
    if library.missing_package(name):
        pytest.skip(library.missing_package(name))
    x = EDGES[:, :channels]
    y = noisy(x, 0.1)
    denoiser = load_named(name, channels, "denoiser")
    x_hat = denoiser(y, 0.1)
    # Wavelets and windows lose at the borders of so small pictures.
    least = 0.5 if name in ("wavelet", "median", "bilateral") else 2
    assert psnr(x_hat, x) > psnr(y, x) + least
    assert torch.equal(denoiser(y, 0.1), x_hat), "it remembers its last image"
    assert name == "median" or not torch.equal(denoiser(y, 0.05), x_hat)


def test_bm3d_where_it_is_installed():
    pytest.importorskip("bm3d")
    x = EDGES[:, :1]
    assert psnr(load_named("bm3d", 1, "denoiser")(noisy(x, 0.1), 0.1), x) > 24


def test_bm3d_gets_the_image_and_the_level(monkeypatch):
    """A stand-in for the package: the call is what its authors document."""
    seen = []

    def bm3d(image, sigma):
        seen.append((image.shape, float(sigma)))
        return image / 2

    monkeypatch.setitem(sys.modules, "bm3d", SimpleNamespace(bm3d=bm3d))
    x = torch.rand(1, 3, 9, 11)
    x_hat = load_named("bm3d", 3, "denoiser")(x, 0.1)
    torch.testing.assert_close(x_hat, x / 2)
    assert seen == [((9, 11, 3), pytest.approx(0.1))]


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setattr(library, "find_spec", lambda name: None)
    observation = tiny_problem("denoise").observe(0)
    for name in ("denoiser", "pnp"):
        solver = SOLVERS[name].get_instance(model="bm3d")
        assert solver.refusal(observation) == (
            "needs the package bm3d for bm3d: run `pip install bm3d`"
        )
        assert SOLVERS[name].get_instance(model="tv").refusal(observation) is None


def test_other_problems_are_skipped_with_a_reason():
    solver = SOLVERS["denoiser"].get_instance(model="tv")
    reason = solver.refusal(tiny_problem("deblur").observe(0))
    assert reason == "needs images that only noise has changed"


def offline(*_, **__):
    raise urllib.error.URLError("no route to host")


@pytest.mark.parametrize("name", ["dncnn", "gsdrunet", "deal", "epll"])
def test_without_network_it_is_one_sentence(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(FileNotFoundError) as caught:
        load_named(name, 3, "denoiser")
    sentence = str(caught.value)
    (file,) = DENOISERS[name].files[3]
    assert f"put them at {tmp_path / 'hub' / 'checkpoints' / file}" in sentence
    assert "or run denoiser[model=compact_drunet]" in sentence
    assert "\n" not in sentence


def put(state, file, home):
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state, folder / file)


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("dncnn", lambda: dinv.models.DnCNN(1, 1, pretrained=None)),
        ("ffdnet", lambda: dinv.models.FFDNet(pretrained=None)),
        ("deal", lambda: dinv.models.DEAL(pretrained=None).model),
        ("epll", lambda: dinv.models.EPLLDenoiser(pretrained=None).PatchGMM),
    ],
)
def test_the_authors_weights_are_used(name, network, tmp_path, monkeypatch):
    """Random checkpoints in the authors' format, where torch looks for them."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.manual_seed(0)
    state = network().state_dict()
    put(
        {"state_dict": state} if name == "deal" else state,
        checkpoints(name)[0],
        tmp_path,
    )
    if name == "deal":  # a fit to noise by a random network takes long
        loaded = load_named(name, 1, "denoiser").model.state_dict()
        assert all(torch.equal(loaded[key], value) for key, value in state.items())
        return
    y = noisy(EDGES[:, :1], 0.1)
    with torch.no_grad():
        x_hat = load_named(name, 1, "denoiser")(y, 0.1)
    assert x_hat.shape == y.shape
    assert torch.isfinite(x_hat).all()


def test_checkpoints_are_in_the_key(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    states = []
    for content in (0, 1):
        put({"x": content}, "dncnn_sigma2_gray.pth", tmp_path)
        state = SOLVERS["pnp"].get_instance(model="dncnn")._get_state()
        states.append(state["weights"])
    assert states[0] != states[1]
    assert "weights" not in SOLVERS["pnp"].get_instance(model="tv")._get_state()


def test_gray_images_are_repeated_for_colour_networks():
    gray = EDGES[:, :1]
    gains = torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1)
    torch.testing.assert_close(in_colour(lambda x: gains * x, gray), 2 * gray)
    torch.testing.assert_close(in_colour(lambda x: gains * x, EDGES), gains * EDGES)


def test_padding_is_undone():
    sizes = []
    padded = Padded(lambda x, sigma: sizes.append(x.shape[2:]) or x, 8)
    assert torch.equal(padded(EDGES, 0.1), EDGES)
    assert sizes == [(32, 40)]


def test_the_nearest_level_is_taken():
    networks = {level: torch.nn.Threshold(-1e9, 0) for level in (0.1, 0.2, 0.4)}
    for level, network in networks.items():
        network.forward = lambda x, level=level: x * level
    chosen = NearestLevel(networks)
    one = torch.ones(1)
    found = [float(chosen(one, sigma)) for sigma in (0.0, 0.14, 0.16, 0.9)]
    assert found == pytest.approx([0.1, 0.1, 0.2, 0.4])


def test_strength_is_a_factor_of_the_noise_level():
    physics = denoising((3, 8, 8), None)
    physics.noise_model = dinv.physics.GaussianNoise(0.1)
    told = []
    denoised(lambda x, sigma: told.append(sigma) or x, 1.5)(EDGES, physics)
    assert told == [pytest.approx(0.15)]


def test_unknown_name():
    with pytest.raises(ValueError, match="model=nlm is not known: use one of compact"):
        load_named("nlm", 1, "denoiser")
