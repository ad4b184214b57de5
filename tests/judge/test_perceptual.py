"""Distances by networks, with stand-ins for the weights that torchvision downloads."""

import hashlib
import math
import sys

import deepinv as dinv
import pytest
import torch
import torchvision

from benchmark_inverse_problems.judge import perceptual
from benchmark_inverse_problems.judge.case import Case
from benchmark_inverse_problems.problems.problem import Observation

from ..small import picture

NETWORKS = {"lpips": "alexnet", "dists": "vgg16"}


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    """Nothing is asked for, nothing is on disk and nothing was tried."""
    monkeypatch.delenv(perceptual.WANTED, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    perceptual.function_of.cache_clear()
    yield
    perceptual.function_of.cache_clear()


@pytest.fixture
def ask(monkeypatch):
    return lambda names: monkeypatch.setenv(perceptual.WANTED, names)


@pytest.fixture
def offline(monkeypatch):
    def refuse(*arguments, **settings):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Random weights at an address that torchvision downloads from."""

    def weights_of(name):
        generator = torch.manual_seed(0)
        with torch.device("meta"):
            shapes = getattr(torchvision.models, NETWORKS[name])().state_dict()
        # The layers behind the features are not used: one number each is enough.
        content = {
            key: torch.randn(like.shape, generator=generator)
            * (2 / max(1, like[0].numel())) ** 0.5
            if key.startswith("features")
            else torch.zeros(()).expand(like.shape)
            for key, like in shapes.items()
        }
        file = tmp_path / "weights.pth"
        torch.save(content, file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
        file = file.rename(tmp_path / f"{NETWORKS[name]}-{digest}.pth")
        distance = perceptual.DISTANCES[name]
        weights = getattr(torchvision.models, distance.weights).DEFAULT
        monkeypatch.setattr(weights.value, "url", file.as_uri())
        return distance.path

    return weights_of


def distance(name, x_hat, x):
    physics = dinv.physics.Denoising()
    case = Case(x_hat, x, Observation(x, physics, tuple(x.shape), "test"))
    return case.distance(name)


def test_nothing_is_computed_that_nobody_asks_for(capsys):
    x = picture(32, 32)
    assert all(math.isnan(distance(name, x, x)) for name in perceptual.DISTANCES)
    assert perceptual.state() == {}
    assert perceptual.function_of.cache_info().misses == 0
    assert capsys.readouterr().out == ""


def test_distances_that_do_not_exist_are_refused(ask):
    ask("lpips, ssim")
    with pytest.raises(ValueError, match="INVERSE_PROBLEMS_METRICS=ssim is not known"):
        perceptual.wanted()
    ask(" dists,lpips,")
    assert perceptual.wanted() == ["dists", "lpips"]


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_downloaded_once(name, ask, serve):
    path = serve(name)
    ask(name)
    x = picture(64, 48)
    noise = torch.randn(x.shape, generator=torch.manual_seed(1))
    before = torch.get_rng_state()
    assert distance(name, x, x) == pytest.approx(0, abs=1e-6)
    assert path.exists()
    little, much = (distance(name, x + s * noise, x) for s in (0.02, 0.2))
    assert 0 < little < much
    assert torch.equal(torch.get_rng_state(), before)
    # Gray pictures are those with three equal channels, and pixels are clamped.
    gray = x[:, :1]
    as_colour = distance(name, (gray + 0.1).expand_as(x), gray.expand_as(x))
    assert distance(name, gray + 0.1, gray) == pytest.approx(as_colour, rel=1e-3)
    assert as_colour > 0
    clamped = distance(name, (2 * x - 1).clamp(0, 1), x)
    assert distance(name, 2 * x - 1, x) == clamped
    assert math.isnan(distance(name, x[..., :31], x[..., :31]))
    versions = perceptual.state()[name]
    assert f"torchvision={torchvision.__version__.partition('+')[0]}" in versions


def test_without_a_network_one_sentence_says_why(ask, offline, capsys):
    ask("lpips")
    x = picture(32, 32)
    assert all(math.isnan(distance("lpips", x, x)) for _ in range(2))
    assert perceptual.state() == {}
    (line,) = (li for li in capsys.readouterr().out.splitlines() if "computed" in li)
    assert line.startswith("lpips is not computed: the weights alexnet-")
    assert "could not be downloaded (no network): put them at " in line


def test_damaged_weights_give_no_number(ask, capsys):
    ask("lpips")
    path = perceptual.DISTANCES["lpips"].path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    x = picture(32, 32)
    assert math.isnan(distance("lpips", x, x))
    printed = capsys.readouterr().out
    assert "their checksum is not the one in the name" in printed
    assert f"the weights {path} cannot be loaded" in printed


def test_a_missing_package_names_the_extra(ask, monkeypatch, capsys):
    ask("lpips")
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert math.isnan(distance("lpips", picture(32, 32), picture(32, 32)))
    assert 'run pip install -e ".[perceptual]".' in capsys.readouterr().out


def test_results_are_kept_apart_by_what_was_asked_for(suite, ask, serve):
    cell = ["-s", "adjoint", "-d", "simulated[n_images=1,task=denoise]"]
    without = suite.run(*cell)
    assert without.objective_lpips.isna().all()
    serve("lpips")
    ask("lpips")
    assert (suite.run(*cell).objective_lpips > 0).all()
