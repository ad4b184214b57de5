"""Fine-tuning without truth: it learns, it stops, and it leaves the network alone."""

import copy

import deepinv as dinv
import pytest
import torch

from benchmark_inverse_problems.methods import finetuning
from benchmark_inverse_problems.methods.finetuning import (
    equivariance,
    fidelity,
    fine_tune,
)
from benchmark_inverse_problems.networks.ram import load_ram

from ..small import psnr
from ..test_plugins import reconstruct
from ..tiny import tiny_problem


@pytest.fixture(scope="module")
def ram():
    return load_ram("bundled", "full", "ram").eval()


def pair(task):
    problem = tiny_problem(task)
    truth, observation = problem.judged(0)
    return truth, observation.y, observation.physics


def test_it_learns_an_operator_that_the_network_does_not_know(ram):
    x, y, physics = pair("demosaic")
    before = copy.deepcopy(ram.state_dict())
    torch.manual_seed(0)
    fitted, curve = fine_tune(ram, [(y, physics)], steps=40)
    with torch.no_grad():
        assert psnr(fitted(y, physics), x) > psnr(ram(y, physics), x) + 5
    assert curve[-1][1] < curve[0][1]
    assert all(torch.equal(before[k], v) for k, v in ram.state_dict().items())
    assert not any(p.requires_grad for p in fitted.parameters())


def test_what_gains_nothing_is_not_kept(ram):
    x, y, physics = pair("denoise")
    fitted, curve = fine_tune(ram, [(y, physics)], steps=20, lr=0.1)
    assert not curve[1][1] <= curve[0][1], "such steps harm"
    with torch.no_grad():
        torch.testing.assert_close(fitted(y, physics), ram(y, physics))


def test_what_hardly_gains_is_not_kept(ram, monkeypatch):
    _, y, physics = pair("demosaic")
    fitted, curve = fine_tune(ram, [(y, physics)], steps=10)
    assert curve[1][1] < finetuning.LARGEST_RATIO * curve[0][1]
    monkeypatch.setattr(finetuning, "LARGEST_RATIO", 0.9 * curve[1][1] / curve[0][1])
    same, _ = fine_tune(ram, [(y, physics)], steps=10)
    with torch.no_grad():
        torch.testing.assert_close(same(y, physics), ram(y, physics))
        assert not torch.allclose(fitted(y, physics), ram(y, physics), atol=1e-2)


def test_it_ends_when_nothing_is_gained(ram, monkeypatch):
    monkeypatch.setattr(finetuning, "CHECK", 1)
    _, y, physics = pair("denoise")
    seen = []

    def watch(step, restore, loss):
        seen.append((step, loss))
        assert restore(y, physics).shape == y.shape

    settings = {"steps": 30, "lr": 0.1, "patience": 2, "watch": watch}
    _, curve = fine_tune(ram, [(y, physics)], **settings)
    assert len(curve) <= 6
    assert [step for step, _ in seen] == [step for step, _ in curve]
    assert seen[0][1] == 0 and all(loss != 0 for _, loss in seen[1:])


@pytest.mark.parametrize("task", ["denoise", "poisson", "deblur", "inpaint", "cs"])
@pytest.mark.parametrize("loss", ["sure", "r2r", "splitting"])
def test_every_loss_runs(ram, task, loss):
    _, y, physics = pair(task)
    _, curve = fine_tune(ram, [(y, physics)], loss=loss, steps=2)
    assert len(curve) == 2 and all(error == error for _, error in curve)


def test_losses_are_those_of_the_noise():
    y = torch.rand(1, 1, 8, 8)
    kinds = {
        (0.1, 0.0): dinv.loss.SureGaussianLoss,
        (0.0, 0.5): dinv.loss.SurePoissonLoss,
        (0.1, 0.5): dinv.loss.SurePGLoss,
    }
    for (sigma, gain), kind in kinds.items():
        noise = dinv.physics.PoissonGaussianNoise(gain=gain, sigma=sigma)
        physics = dinv.physics.Denoising(
            noise if gain else dinv.physics.GaussianNoise(sigma)
        )
        assert isinstance(fidelity("auto", physics, y), kind)
        assert isinstance(fidelity("r2r", physics, y), dinv.loss.R2RLoss)
    with pytest.raises(ValueError, match="loss=unsure is for Gaussian noise"):
        fidelity("unsure", physics, y)
    with pytest.raises(ValueError, match="loss=nope is not known"):
        fidelity("nope", physics, y)


def test_equivariance_is_for_what_is_not_measured():
    whole, holes = (pair(task)[2] for task in ("denoise", "inpaint"))
    assert equivariance("auto", [whole]) is None
    assert isinstance(equivariance("auto", [holes]), dinv.loss.EILoss)
    assert isinstance(equivariance("moi", [holes, holes]), dinv.loss.MOILoss)
    with pytest.raises(ValueError, match="needs several operators: use ei"):
        equivariance("moi", [holes])


@pytest.mark.parametrize("task", ["demosaic", "inpaint", "denoise", "poisson"])
def test_parts_of_an_image_have_their_measurements(task, monkeypatch):
    """They are those of the operator of the part, and as noisy."""
    monkeypatch.setattr(finetuning, "SIDE", 16)
    x, y, physics = pair(task)
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        part, smaller = finetuning.random_crop(y, physics, generator)
        assert part.shape == (1, y.shape[1], 16, 16)
        positions = [
            (i, j)
            for i in range(0, 17, finetuning.GRID)
            for j in range(0, 17, finetuning.GRID)
            if torch.equal(y[..., i : i + 16, j : j + 16], part)
        ]
        ((i, j),) = positions
        place = (..., slice(i, i + 16), slice(j, j + 16))
        torch.testing.assert_close(smaller.A(x[place]), physics.A(x)[place])
        whole = physics.A_adjoint(y)[place]
        torch.testing.assert_close(smaller.A_adjoint(part), whole)
        assert type(smaller.noise_model) is type(physics.noise_model)


@pytest.mark.parametrize("task", ["cs", "deblur"])
def test_operators_that_mix_distant_pixels_are_seen_whole(task, monkeypatch):
    monkeypatch.setattr(finetuning, "SIDE", 16)
    _, y, physics = pair(task)
    generator = torch.Generator().manual_seed(0)
    part, same = finetuning.random_crop(y, physics, generator)
    assert part is y and same is physics


def test_a_fit_sees_parts(ram, monkeypatch):
    monkeypatch.setattr(finetuning, "SIDE", 16)
    x, y, physics = pair("demosaic")
    fitted, _ = fine_tune(ram, [(y, physics)], steps=30)
    with torch.no_grad():
        assert psnr(fitted(y, physics), x) > psnr(ram(y, physics), x) + 4


def test_the_solver_counts_what_it_learns():
    problem = tiny_problem("demosaic")
    settings = {"weights": "bundled", "steps": 3}
    one = reconstruct("ram_finetuned", problem, **settings)
    every = reconstruct("ram_finetuned", problem, measurements="all", **settings)
    assert every[0].fit_time > every[0].runtime
    assert one[0].runtime > every[0].runtime
    assert one[0].parameters == every[0].parameters > 1e6
