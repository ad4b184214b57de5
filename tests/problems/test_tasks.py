"""Operators that solvers are told, volumes and complex images, and bounded memory."""

import json

import deepinv as dinv
import numpy as np
import pytest
import torch

from benchmark_inverse_problems.judge.case import judge
from benchmark_inverse_problems.judge.pictures import central_slices, gallery
from benchmark_inverse_problems.judge.reconstruction import Reconstruction
from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.problems import problem as module
from benchmark_inverse_problems.problems.problem import Problem, Task
from benchmark_inverse_problems.problems.reading import Images, central_crop
from benchmark_inverse_problems.report.pictures import from_png

from ..test_plugins import reconstruct
from ..tiny import tiny_problem


def images(*shape, count=2, complex=False):
    """Smooth random images with values in [0, 1]."""

    def make(index):
        rng = np.random.RandomState(index)
        x = torch.from_numpy(rng.uniform(size=(1, *shape))).float()
        for axis in range(2, x.ndim):
            x = (x + x.roll(1, axis) + x.roll(-1, axis)) / 3
        return x

    return Images([f"image_{i}" for i in range(count)], make, complex)


def problem(task, *shape, **settings):
    tuning = Problem(images(*shape), task)
    return Problem(images(*shape, **settings), task, tuning=tuning)


VOLUME = (1, 12, 14, 16)


@pytest.mark.parametrize(
    "task",
    [Task("denoising", sigma=0.1), Task("inpainting", {"keep": 0.6}, sigma=0.01)],
    ids=str,
)
@pytest.mark.parametrize("name", ["adjoint", "pseudoinverse", "tv"])
def test_volumes_are_reconstructed_and_judged(task, name):
    settings = {"weight": 0.5} if name == "tv" else {}
    volumes = problem(task, *VOLUME)
    found = reconstruct(name, volumes, **settings)
    assert len(found) == 2
    scores = judge(found[0], *volumes.judged(0))
    assert scores["psnr"] > 5 and 0 < scores["ssim"] <= 1
    assert np.isnan(scores["psnr_luma"])
    if name == "tv":
        rough = judge(reconstruct("adjoint", volumes)[0], *volumes.judged(0))
        assert scores["psnr"] > rough["psnr"] + 2


@pytest.mark.parametrize("name", ["dpir", "pdnet", "rim", "edip", "fire_hqs"])
def test_methods_for_images_skip_volumes(name):
    assert reconstruct(name, problem(Task("denoising", sigma=0.1), *VOLUME)) is None


def test_total_variation_has_a_difference_for_each_axis():
    from benchmark_inverse_problems.methods.total_variation import (
        gradient,
        gradient_adjoint,
        variation,
    )

    x = torch.randn(1, 2, 4, 5, 6)
    g = gradient(x)
    assert g.shape == (3, *x.shape)
    for axis in range(3):
        torch.testing.assert_close(
            g[axis].narrow(axis + 2, 0, x.shape[axis + 2] - 1), x.diff(dim=axis + 2)
        )
    u = torch.randn(g.shape)
    assert float((g * u).sum()) == pytest.approx(
        float((x * gradient_adjoint(u)).sum()), rel=1e-4
    )
    for _ in range(50):
        x = gradient_adjoint(gradient(x / x.norm()))
    assert float(x.norm()) <= variation(3).squared_norm


def test_a_volume_shows_its_three_central_slices():
    volumes = problem(Task("denoising", sigma=0.1), *VOLUME, count=1)
    truth, observation = volumes.judged(0)
    slices = central_slices(truth)
    assert torch.equal(slices[0], truth[:, :, 6])
    assert torch.equal(slices[2], truth[..., 8])
    entry = json.loads(gallery(truth, truth, observation))
    shown = from_png(entry["truth"])
    assert shown.shape == (14, 16 + 16 + 14)
    expected = np.round(slices[0][0, 0].numpy() * 255) / 255
    np.testing.assert_allclose(shown[:, :16], expected, atol=1e-6)


def test_crops_of_volumes():
    x = torch.arange(6.0 * 7 * 8).view(1, 1, 6, 7, 8)
    assert torch.equal(central_crop(x, 4), x[:, :, 1:5, 1:5, 2:6])
    assert central_crop(x, "none", 3).shape[2:] == (6, 6, 6)


TOLD = Task("gaussian_blur", {"std": 1.0}, sigma=0.02, told={"std": 2.0})


def test_solvers_may_be_told_another_operator():
    same = Task("gaussian_blur", {"std": 1.0}, sigma=0.02)
    told, plain = (problem(task, 1, 24, 24) for task in (TOLD, same))
    assert torch.equal(told.observe(0).y, plain.observe(0).y)
    assert told.fingerprint == plain.fingerprint
    seen, judged = told.observe(0).physics, told.judged(0)[1].physics
    expected = OPERATORS["gaussian_blur"]((1, 24, 24), None, std=2.0)
    x = torch.rand(1, 1, 24, 24)
    torch.testing.assert_close(seen.A(x), expected.A(x))
    assert not torch.allclose(judged.A(x), seen.A(x))
    assert float(seen.noise_model.sigma) == pytest.approx(0.02)
    # Tuned values of the two are different ones.
    assert str(TOLD) != str(same) and TOLD.measurement == same.measurement
    # A method that is told a wrong operator runs, and is judged by the right one.
    wrong, right = (
        judge(reconstruct("tv", p, weight=0.1)[0], *p.judged(0))["psnr"]
        for p in (told, plain)
    )
    assert wrong < right


def test_methods_that_must_know_the_operator_skip_where_it_is_unknown():
    blind = Task("gaussian_blur", {"std": 1.0}, told={"std": 0.5}, known=False)
    assert not problem(blind, 1, 24, 24).observe(0).known
    assert reconstruct("adjoint", problem(blind, 1, 24, 24)) is None
    assert str(blind).endswith("unknown")


def test_two_channels_are_complex_only_where_the_problem_says_so():
    task = Task("denoising", sigma=0.1)
    plain = problem(task, 2, 16, 16)
    parts = problem(task, 2, 16, 16, complex=True)
    assert not plain.observe(0).complex and parts.observe(0).complex
    assert tiny_problem("mri").observe(0).complex
    assert tiny_problem("mri").tuning.observe(0).complex
    assert "real" in plain.observe(0).offers and "real" not in parts.observe(0).offers
    estimate = Reconstruction(plain.truth(0).flip(1))
    scores = [judge(estimate, *p.judged(0))["psnr"] for p in (plain, parts)]
    assert (
        scores[1] > scores[0] + 20
    )  # the magnitude does not see the order of the parts


class Square(dinv.physics.Physics):
    def A(self, x, **_):
        return x.square()


def test_metrics_without_a_meaning_are_nan(monkeypatch):
    monkeypatch.setitem(OPERATORS, "square", lambda shape, rng: Square())
    squares = problem(Task("square"), 3, 10, 10)
    scores = judge(Reconstruction(squares.truth(0)), *squares.judged(0))
    assert scores["residual"] == 0 and scores["psnr"] == 200
    for key in ("psnr_range", "psnr_null", "ssim", "spread_ratio", "fit_time"):
        assert np.isnan(scores[key]), key
    assert reconstruct("adjoint", squares) is None


def test_observations_are_kept_while_there_is_room(monkeypatch):
    made = []

    def counted(images):
        problem = Problem(images, Task("denoising", sigma=0.1))
        measure = problem.measure
        problem.measure = lambda x, index: made.append(index) or measure(x, index)
        return problem

    one = images(1, 32, 32)
    size = 2 * one[0][1].nbytes + 100
    monkeypatch.setattr(module, "KEPT", size)
    kept = counted(one)
    for _ in range(2):
        for index in range(2):
            kept.visit(index, lambda truth, observation: None)
    assert made == [0, 1, 1]
    assert kept.fingerprint
    assert made == [0, 1, 1]


def test_an_observation_knows_its_size():
    observation = tiny_problem("ct").observe(0)
    grids = observation.physics.radon.all_grids.nbytes
    assert observation.nbytes >= grids + observation.y.nbytes
