"""The training loop: repeatable batches, resumption, exported files."""

import csv
import dataclasses
import json
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmark_inverse_problems.commands import train as training
from benchmark_inverse_problems.networks.drunet import MultiHeadDRUNet
from benchmark_inverse_problems.networks.weights import load_weights
from benchmark_inverse_problems.physics.kernels import transfer
from benchmark_inverse_problems.training import drunet, kernels, loop, mixed_loss
from benchmark_inverse_problems.training import random_problems as tasks
from benchmark_inverse_problems.training.data import (
    HELD_OUT,
    PatchSampler,
    PhantomSampler,
)


@pytest.fixture
def folder(tmp_path):
    """Enough pictures for a training."""
    from PIL import Image

    rng = np.random.RandomState(0)
    (tmp_path / "data").mkdir()
    for i in range(HELD_OUT + 2):
        pixels = rng.randint(0, 256, (280, 300, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / f"{i}.png")
    return tmp_path


def tiny():
    return MultiHeadDRUNet(widths=(8, 8, 8, 8), blocks=1)


def recipe(loss=drunet.loss, steps=6):
    def validate(model, sampler):
        return {"psnr": 1.0}

    return loop.Recipe(
        "tiny", tiny, drunet.draw, loss, validate, steps, lr=1e-3, patch=32
    )


def test_batches_depend_on_seed_and_step_only(folder):
    one, two = (PatchSampler([folder / "data"], patch=32) for _ in range(2))
    one.batch(one.rng(0), 4, 3)
    assert torch.equal(one.batch(one.rng(5), 4, 3), two.batch(two.rng(5), 4, 3))
    assert not torch.equal(one.batch(one.rng(5), 4, 3), one.batch(one.rng(6), 4, 3))
    gray = one.batch(one.rng(5), 4, 1)
    assert gray.shape == (4, 1, 32, 32)
    assert 0 <= float(gray.min()) <= float(gray.max()) <= 1


def test_validation_images_are_never_trained_on(folder):
    sampler = PatchSampler([folder / "data"], patch=32)
    trained = {image.tobytes() for image in sampler.images}
    assert not trained & {image.tobytes() for image in sampler.held_out}
    assert sampler.validation(3).shape == (HELD_OUT, 3, 256, 256)


def test_scores_depend_on_the_network_only(folder):
    """Not on the seed of the batches: trainings with other ones stay comparable."""
    torch.manual_seed(0)
    model = tiny().eval()
    samplers = [PatchSampler([folder / "data"], seed=seed) for seed in (0, 3)]
    with torch.no_grad():
        first, second = (drunet.validate(model, sampler) for sampler in samplers)
        other = drunet.validate(tiny().eval(), samplers[0])
    assert first == second != other
    masks = [mixed_loss.validation_problems(s)["inpaint_50"][1].mask for s in samplers]
    assert torch.equal(*masks)


def test_too_few_images(tmp_path):
    with pytest.raises(ValueError, match="give other folders with --data"):
        PatchSampler([tmp_path])


def test_interrupted_training_ends_where_an_uninterrupted_one_does(folder, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", -1)
    sampler = PatchSampler([folder / "data"], patch=32)
    loop.train(recipe(), sampler, folder / "whole", quiet=True)

    def interrupted(model, data, step):
        if step == 3:
            raise KeyboardInterrupt
        return drunet.loss(model, data, step)

    with pytest.raises(KeyboardInterrupt):
        loop.train(recipe(interrupted), sampler, folder / "cut", quiet=True)
    assert not (folder / "cut" / "tiny.safetensors").exists()
    description = loop.train(recipe(), sampler, folder / "cut", quiet=True)
    assert description["steps"] == 6
    whole, cut = (load_file(folder / f / "tiny.safetensors") for f in ("whole", "cut"))
    for key in whole:
        torch.testing.assert_close(whole[key], cut[key], rtol=1e-3, atol=1e-5)
    curves = [
        list(csv.DictReader((folder / f / "tiny.csv").open())) for f in ("whole", "cut")
    ]
    assert [row["step"] for row in curves[0]] == [row["step"] for row in curves[1]]
    assert json.loads((folder / "cut" / "tiny.json").read_text())["seed"] == 0


def test_the_loss_falls(folder):
    sampler = PatchSampler([folder / "data"], patch=32)
    torch.manual_seed(0)
    model = tiny()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    data = drunet.draw(sampler, 0)  # one batch, again and again
    losses = []
    for step in range(40):
        loss = drunet.loss(model, data, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_the_average_of_a_short_training_forgets_its_start(folder):
    """What is exported lies nearer to the last weights than to the first ones."""
    sampler = PatchSampler([folder / "data"], patch=32)
    torch.manual_seed(0)
    start = tiny().state_dict()
    loop.train(recipe(steps=30), sampler, folder / "short", quiet=True)
    saved = torch.load(folder / "short" / "tiny.checkpoint.pt", weights_only=True)
    average = {
        key.removeprefix("module."): value for key, value in saved["average"].items()
    }

    def distance(weights):
        return sum((average[k] - weights[k]).square().sum().item() for k in weights)

    assert distance(saved["model"]) < distance(start) / 4


def test_workers_change_nothing(folder):
    """Processes that draw ahead give each step what it draws itself."""
    sampler = PatchSampler([folder / "data"], patch=64)
    recipes = training.recipes()
    # Seven times the images only take longer.
    few = recipes["ram"].draw.keywords | {"copies": 1}
    recipes["ram"] = dataclasses.replace(
        recipes["ram"], draw=partial(tasks.draw, **few)
    )
    for name in ("ram", "edip"):
        steps = range(2, 5)  # of `ram`: photographs, complex images, photographs
        here, ahead = (
            list(loop.draws(recipes[name], sampler, steps, workers))
            for workers in (0, 2)
        )
        assert len(here) == 3
        for one, other in zip(here, ahead, strict=True):
            compare(one, other)


def test_samplers_of_other_processes_draw_the_same(folder):
    photographs = PatchSampler([folder / "data"], patch=32, seed=5)
    phantoms = PhantomSampler(2, count=3, seed=5)
    for sampler, channels in ((photographs, [3]), (phantoms, [])):
        other = pickle.loads(pickle.dumps(sampler))
        one, two = (s.batch(s.rng(1), 2, *channels) for s in (sampler, other))
        assert torch.equal(one, two)


def compare(one, other):
    """Whether two draws are equal, part by part; operators by their buffers."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, torch.nn.Module):
        compare(dict(one.named_buffers()), dict(other.named_buffers()))
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        compare(list(one.values()), list(other.values()))
    else:
        assert len(one) == len(other)
        for parts in zip(one, other, strict=True):
            compare(*parts)


def test_training_on_starts_from_the_bundled_weights(folder, monkeypatch, capsys):
    short = dataclasses.replace(
        training.recipes()["drunet"], lr=0.0, validate=lambda model, sampler: {}
    )
    monkeypatch.setattr(training, "recipes", lambda: {"drunet": short})
    command = f"drunet --data {folder / 'data'} --folder {folder} --steps 1 --seed 3"
    training.main([*command.split(), "--train-on"])
    description = json.loads((folder / "drunet.json").read_text())
    assert description["recipe"].endswith("train drunet --steps 1 --seed 3 --train-on")
    assert description["seed"] == 3
    bundled = load_weights(MultiHeadDRUNet(), "drunet").state_dict()
    weights = load_file(folder / "drunet.safetensors")
    assert weights.keys() == bundled.keys()
    for key, value in weights.items():
        torch.testing.assert_close(value.float(), bundled[key])


def test_turned_blurs_stay_blurs(folder, monkeypatch):
    """Image, measurement and kernel are turned together, and no step draws alike."""
    monkeypatch.setattr(kernels, "SAMPLES", 3)
    monkeypatch.setattr(
        kernels, "kernel_by_turns", lambda y, *_: torch.ones(1, 1, 31, 31) / 961
    )
    sampler = PatchSampler([folder / "data"], patch=64)
    for step in range(3):
        y, sigma, first, true, x = kernels.draw(sampler, step)
        assert first.shape == true.shape == (kernels.BATCH, 1, 31, 31)
        spectrum = torch.fft.rfft2(x) * transfer(true, x.shape[2:])
        noise = y - torch.fft.irfft2(spectrum, s=x.shape[2:])
        torch.testing.assert_close(noise.std((1, 2, 3)), sigma, rtol=0.1, atol=0)
    again = kernels.draw(sampler, 2)[0]
    assert torch.equal(again, y)


def test_a_kernel_that_is_right_has_no_loss(folder, monkeypatch):
    monkeypatch.setattr(kernels, "SAMPLES", 1)
    monkeypatch.setattr(
        kernels, "kernel_by_turns", lambda y, *_: torch.ones(1, 1, 31, 31) / 961
    )
    sampler = PatchSampler([folder / "data"], patch=64)
    y, sigma, _, true, x = kernels.draw(sampler, 0)
    truth, _ = kernels.standardised(x, 0)
    sharp = truth * kernels.contrast(x) / kernels.contrast(y)
    *exact, restored = kernels.errors((sharp, true, true), true, y, x, sigma)
    assert max(float(error.max()) for error in exact) < 1e-4
    assert 0 < float(restored.mean()) < 1
