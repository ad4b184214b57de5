"""Bundled and published weights, whole and damaged."""

import json
import re
import shutil
import urllib.error

import deepinv as dinv
import pytest
import torch
from safetensors.torch import load_file

from benchmark_inverse_problems.commands.train import recipes
from benchmark_inverse_problems.networks import weights as library
from benchmark_inverse_problems.networks.drunet import (
    PUBLISHED,
    MultiHeadDRUNet,
    load_denoiser,
)
from benchmark_inverse_problems.networks.ram import load_ram

BUNDLED = sorted(path.stem for path in library.FOLDER.glob("*.safetensors"))


@pytest.fixture
def copy(tmp_path):
    """A copy of the denoiser's weights that a test may damage."""
    for suffix in (".safetensors", ".json"):
        shutil.copy(library.FOLDER / f"drunet{suffix}", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_weights_load_and_are_described(name):
    network = library.load_weights(recipes()[name].build(), name)
    assert sum(p.numel() for p in network.parameters()) <= 5e6
    description = json.loads((library.FOLDER / f"{name}.json").read_text())
    assert {"recipe", "data", "seed", "steps", "wall_time_s", "validation"} <= set(
        description
    )
    assert (library.FOLDER / f"{name}.csv").exists(), "the training curve"


def test_all_weights_together_are_small():
    size = sum(p.stat().st_size for p in library.FOLDER.iterdir())
    assert size < 30e6


def test_flipped_byte(copy):
    path = copy / "drunet.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="are damaged .* train it again"):
        library.load_weights(MultiHeadDRUNet(), "drunet", copy)


def test_missing(copy):
    (copy / "drunet.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="are missing: restore"):
        library.load_weights(MultiHeadDRUNet(), "drunet", copy)


def test_other_architecture(copy):
    other = MultiHeadDRUNet(widths=(8, 8, 8, 8), blocks=1)
    with pytest.raises(ValueError, match="another architecture than MultiHeadDRUNet"):
        library.load_weights(other, "drunet", copy)


def test_saving_and_loading_are_inverse_up_to_float16(tmp_path):
    network = MultiHeadDRUNet(widths=(8, 8, 8, 8), blocks=1)
    library.save_weights(network.state_dict(), tmp_path / "x.safetensors", {"seed": 3})
    other = MultiHeadDRUNet(widths=(8, 8, 8, 8), blocks=1)
    library.load_weights(other, "x", tmp_path)
    for key, value in network.state_dict().items():
        assert torch.equal(value.half().float(), other.state_dict()[key])
    assert json.loads((tmp_path / "x.json").read_text())["seed"] == 3


def test_eight_bits_are_within_a_step_and_keep_the_sums_of_filters(tmp_path):
    network = MultiHeadDRUNet(widths=(8, 8, 8, 8), blocks=1)
    kernel = network.m_down1[0].res[0].weight
    kernel.data[0] = 0
    path = tmp_path / "x.safetensors"
    library.save_weights(network.state_dict(), path, {})
    size = path.stat().st_size
    library.save_weights(network.state_dict(), path, {}, bits=8)
    assert path.stat().st_size < 0.8 * size
    other = MultiHeadDRUNet(widths=(8, 8, 8, 8), blocks=1)
    library.load_weights(other, "x", tmp_path)
    found = dict(other.named_parameters())
    for name, old in network.named_parameters():
        new, step = found[name], old.abs().flatten(1).amax(1) / 127
        if name.startswith(("m_head", "m_tail")):
            assert torch.equal(new, old.half().float())
            continue
        error = (old - new).flatten(2)
        assert 0 < error.abs().max()
        assert (error.abs().amax((1, 2)) <= 1.001 * step).all()
        assert (error.sum(2).abs().amax(1) <= 0.51 * step).all()
    assert not found["m_down1.0.res.0.weight"][0].any()


def test_unknown_word():
    with pytest.raises(ValueError, match="weights=best is not known: use one of"):
        load_denoiser("best", 3, "dpir")


def offline(*_, **__):
    raise urllib.error.URLError("no route to host")


@pytest.mark.parametrize(
    ("load", "solver"),
    [
        (lambda: load_denoiser("published", 3, "dpir"), "dpir"),
        (lambda: load_ram("published", "full", "ram"), "ram"),
    ],
    ids=["dpir", "ram"],
)
def test_published_without_network_is_one_sentence(load, solver, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(FileNotFoundError) as caught:
        load()
    sentence = str(caught.value)
    assert "could not be downloaded" in sentence
    assert f"or run {solver}[weights=bundled]" in sentence
    assert "\n" not in sentence


def checkpoint(network, name, home):
    """Put a random checkpoint of the authors' format where torch looks for it."""
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), folder / name)


@torch.no_grad()
def test_published_ram_of_full_size_key_by_key(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.manual_seed(0)
    random = dinv.models.RAM(pretrained=False)
    checkpoint(random, "ram.pth.tar", tmp_path)
    loaded = load_ram("published", "full", "ram")
    expected = random.state_dict()
    # deepinv builds 1x1 kernels of the decoders that it never calls.
    called = {k for k in expected if not re.search("decoding.*zero_conv_skip", k)}
    assert {k.replace("fact_realign", "eta") for k in called} == set(
        loaded.state_dict()
    )
    assert sum(p.numel() for p in loaded.parameters()) == 35_551_229
    for key, value in loaded.state_dict().items():
        source = expected[key.replace("eta", "fact_realign")]
        if re.search("encoding.*(convin|zero_conv_skip)", key):
            # Its images come in another order.
            value, source = (kernel.sort(1).values for kernel in (value, source))
            assert torch.equal(value, source), key
        else:
            assert torch.equal(value.view_as(source), source), key
    y = torch.rand(1, 3, 64, 64)
    found, wanted = (network.eval()(y, sigma=0.1) for network in (loaded, random))
    assert (found - wanted).abs().max() < 1e-4 * (wanted.max() - wanted.min())


@pytest.mark.parametrize("channels", PUBLISHED)
def test_published_denoiser_of_full_size_key_by_key(channels, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.manual_seed(0)
    random = dinv.models.DRUNet(channels, channels, pretrained=None)
    checkpoint(random, PUBLISHED[channels], tmp_path)
    loaded = load_denoiser("published", channels, "dpir")
    for key, value in loaded.state_dict().items():
        assert torch.equal(value, random.state_dict()[key]), key


def test_published_file_of_another_network(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    checkpoint(MultiHeadDRUNet(), PUBLISHED[3], tmp_path)
    with pytest.raises(ValueError, match="cannot be loaded"):
        load_denoiser("published", 3, "dpir")


def test_weights_that_would_run_code_are_refused(tmp_path, monkeypatch):
    class Bomb:
        def __reduce__(self):
            return exec, ("raise SystemExit('the weights ran code')",)

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save({"a": Bomb()}, folder / PUBLISHED[3])
    with pytest.raises(ValueError, match="cannot be loaded"):
        load_denoiser("published", 3, "dpir")


def test_bundled_files_are_safetensors_only():
    for path in library.FOLDER.iterdir():
        assert path.suffix in {".safetensors", ".json", ".csv"}, path
    load_file(library.FOLDER / "drunet.safetensors")
