"""Metrics against values made by hand."""

import math
from dataclasses import replace

import deepinv as dinv
import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmark_inverse_problems.judge.case import Case, judge
from benchmark_inverse_problems.judge.case import gray as luminance
from benchmark_inverse_problems.judge.metrics import METRICS
from benchmark_inverse_problems.judge.reconstruction import Reconstruction
from benchmark_inverse_problems.problems.problem import Observation

from ..small import picture


def score(x_hat, x, physics=None, y=None, complex=False, spread=None, errors=()):
    physics = physics or dinv.physics.Denoising()
    y = physics.A(x) if y is None else y
    observation = Observation(y, physics, tuple(x.shape), "test", complex)
    item = Reconstruction(x_hat, spread, list(errors), runtime=1.5, parameters=7)
    return judge(item, x, observation)


def test_psnr_of_a_constant_error():
    x = torch.full((1, 3, 16, 16), 0.5)
    assert score(x + 0.1, x)["psnr"] == pytest.approx(20, abs=1e-4)


def test_estimates_are_not_clamped():
    x = torch.ones(1, 3, 16, 16)
    assert score(x + 0.1, x)["psnr"] == pytest.approx(20, abs=1e-4)


def test_complex_images_are_judged_by_their_magnitude():
    x = torch.zeros(1, 2, 16, 16)
    x[:, 0] = 0.5
    turned = torch.zeros_like(x)
    turned[:, 1] = 0.6
    assert score(turned, x, complex=True)["psnr"] == pytest.approx(20, abs=1e-4)
    assert math.isnan(score(turned, x, complex=True)["psnr_luma"])
    # Two channels alone make no complex image.
    assert score(turned, x)["psnr"] < 10


def test_ssim_is_one_for_equal_images_and_falls_with_noise():
    x = torch.rand(1, 3, 32, 32, generator=torch.manual_seed(0))
    assert score(x, x)["ssim"] == pytest.approx(1)
    assert score(x + 0.1 * torch.randn_like(x), x)["ssim"] < 0.99


def test_luma_follows_matlabs_weights_and_shaves_the_border():
    x = torch.full((1, 3, 32, 32), 0.5)
    x_hat = x.clone()
    x_hat[:, 1] += 0.1  # green only
    x_hat[..., :4, :] = 1
    x_hat[..., :, -4:] = 0  # within the border of 4 pixels
    physics = dinv.physics.Downsampling((3, 32, 32), filter="bicubic", factor=4)
    expected = -20 * math.log10(0.1 * 128.553 / 255)
    assert score(x_hat, x, physics)["psnr_luma"] == pytest.approx(expected, abs=1e-3)


def test_residual():
    x = torch.full((1, 1, 16, 16), 0.5)
    assert score(1.1 * x, x)["residual"] == pytest.approx(0.1, abs=1e-5)


def test_range_and_null_space_of_a_mask():
    mask = torch.zeros(1, 16, 16)
    mask[:, :8] = 1
    physics = dinv.physics.Inpainting((1, 16, 16), mask=mask)
    x = torch.full((1, 1, 16, 16), 0.5)
    x_hat = x.clone()
    x_hat[..., :8, :] += 0.1
    x_hat[..., 8:, :] += 0.2
    scores = score(x_hat, x, physics)
    # Errors of 0.1 and 0.2 on half of the pixels each.
    assert scores["psnr_range"] == pytest.approx(-10 * math.log10(0.005), abs=1e-4)
    assert scores["psnr_null"] == pytest.approx(-10 * math.log10(0.02), abs=1e-4)


def test_no_null_space_no_null_psnr():
    x = torch.full((1, 1, 16, 16), 0.5)
    scores = score(x + 0.1, x)
    assert math.isnan(scores["psnr_null"])
    assert scores["psnr_range"] == pytest.approx(scores["psnr"])


def test_costs_are_passed_on():
    x = torch.full((1, 1, 16, 16), 0.5)
    scores = score(x, x)
    assert scores["runtime"] == 1.5
    assert scores["parameters"] == 7


def test_every_metric_is_described():
    assert len(METRICS) >= 10
    for metric in METRICS.values():
        assert metric.description


def test_case_without_cost():
    x = torch.full((1, 1, 16, 16), 0.5)
    observation = Observation(x, dinv.physics.Denoising(), tuple(x.shape), "test")
    case = Case(x + 0.1, x, observation)
    assert METRICS["psnr"].function(case) == pytest.approx(20, abs=1e-4)


def test_a_right_spread_has_its_coverage():
    generator = torch.manual_seed(0)
    x = torch.rand(1, 1, 64, 64, generator=generator)
    spread = 0.02 + 0.1 * torch.rand(x.shape, generator=generator)
    x_hat = x + spread * torch.randn(x.shape, generator=generator)
    found = score(x_hat, x, spread=spread)
    for share in (50, 80, 90, 95):
        assert found[f"coverage_{share}"] == pytest.approx(share / 100, abs=0.02)
    assert found["psnr_bias"] == pytest.approx(0, abs=0.2)
    assert found["sharpness"] == pytest.approx(0.07, abs=0.005)
    narrow = score(x_hat, x, spread=spread / 3)
    assert narrow["coverage_90"] < 0.5
    assert narrow["psnr_bias"] == pytest.approx(20 * math.log10(3), abs=0.2)


def test_the_rank_of_a_spread_tells_where_errors_are():
    generator = torch.manual_seed(0)
    x = torch.rand(1, 1, 48, 48, generator=generator)
    ramp = torch.linspace(0.01, 0.3, 48).expand(1, 1, 48, 48)
    x_hat = x + ramp * torch.randn(x.shape, generator=generator)
    right = score(x_hat, x, spread=ramp)["spread_rank"]
    wrong = score(x_hat, x, spread=ramp.flip(-1))["spread_rank"]
    assert right > 0.7 and wrong < -0.7
    assert math.isnan(score(x_hat, x, spread=torch.ones_like(x))["spread_rank"])


def test_without_a_spread_nothing_is_said_of_it():
    x = torch.rand(1, 1, 16, 16)
    found = score(x, 0.9 * x)
    names = ("coverage_90", "sharpness", "psnr_bias", "spread_rank", "error_level")
    assert all(math.isnan(found[name]) for name in names)


def test_the_level_of_an_error_counts_those_below():
    x = torch.zeros(1, 1, 16, 16)
    errors = (0.005, 0.02, 0.03, 0.04)
    found = score(x + 0.1, x, spread=torch.ones_like(x), errors=errors)
    assert found["error_level"] == 0.25


def test_mri_is_judged_as_fastmri_judges():
    generator = torch.manual_seed(0)
    x = torch.rand(1, 2, 3, 12, 16, generator=generator) / 4
    x[:, :, 1] *= 3  # the largest magnitude is in the second slice
    x_hat = x + 0.02 * torch.randn(x.shape, generator=generator)
    coils = torch.ones(1, 1, 3, 12, 16, dtype=torch.complex64)
    mask = torch.ones(1, 2, 3, 12, 16)
    shape = {"img_size": (2, 3, 12, 16), "three_d": True}
    physics = dinv.physics.MultiCoilMRI(mask=mask, coil_maps=coils, **shape)
    found = score(x_hat, x, physics, complex=True)
    estimate, truth = (np.hypot(*part[0].numpy().astype(float)) for part in (x_hat, x))
    peak = truth.max()
    expected = peak_signal_noise_ratio(truth, estimate, data_range=peak)
    assert found["psnr_mri"] == pytest.approx(expected, abs=1e-4)
    slices = [
        structural_similarity(*pair, data_range=peak)
        for pair in zip(truth, estimate, strict=True)
    ]
    assert found["ssim_mri"] == pytest.approx(np.mean(slices), abs=1e-5)
    nrmse = np.linalg.norm(estimate - truth) / np.linalg.norm(truth)
    assert found["nrmse"] == pytest.approx(nrmse, abs=1e-5)
    # Another unit changes neither of them.
    doubled = score(2 * x_hat, 2 * x, physics, complex=True)
    for name in ("psnr_mri", "ssim_mri", "nrmse"):
        assert doubled[name] == pytest.approx(found[name], rel=1e-4)
    assert doubled["psnr"] < found["psnr"] - 6


def test_mri_metrics_are_of_mri_only():
    x = torch.rand(1, 2, 16, 16)
    names = ("psnr_mri", "ssim_mri")
    assert all(math.isnan(score(x, x, complex=True)[name]) for name in names)
    physics = dinv.physics.MRI(mask=torch.ones(1, 2, 16, 16), img_size=(2, 16, 16))
    black = torch.zeros_like(x)
    found = score(black, black, physics, y=x, complex=True)
    assert all(math.isnan(found[name]) for name in (*names, "nrmse"))


def test_nrmse():
    x = torch.full((1, 3, 16, 16), 0.5)
    assert score(x + 0.1, x)["nrmse"] == pytest.approx(0.2)


@pytest.mark.parametrize("channels", [1, 3])
def test_perceptual_scores_of_equal_and_of_worse_pictures(channels):
    x = picture(64, 64, channels).double()
    noise = torch.randn(x.shape, generator=torch.manual_seed(0))
    same, little, much = (score(x + s * noise, x) for s in (0, 0.02, 0.2))
    assert same["haarpsi"] == pytest.approx(1, abs=1e-5)
    assert same["gmsd"] == pytest.approx(0, abs=1e-6)
    assert 1 > little["haarpsi"] > much["haarpsi"] > 0
    assert 0 < little["gmsd"] < much["gmsd"] < 0.5
    # Less contrast everywhere leaves the gradients alike.
    assert score(0.8 * x, x)["gmsd"] < much["gmsd"] / 10


def test_gmsd_of_a_picture_made_by_hand():
    # Half the picture is flat, the other half has an edge that the estimate lacks.
    x = torch.zeros(1, 1, 12, 24)
    x[..., 18:] = 1
    small = 170 / 255**2
    # Prewitt's filter answers with one on the two columns beside the edge of 12.
    similarity = np.ones((6, 12))
    similarity[:, 8:10] = small / (1 + small)
    assert score(torch.zeros_like(x), x)["gmsd"] == pytest.approx(
        similarity.std(), abs=1e-6
    )


def test_gmsd_sees_the_luminance():
    x = picture(32, 32)
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    gray = (x * weights).sum(1, keepdim=True)
    torch.testing.assert_close(luminance(x), gray)
    found, expected = score(0 * x, x)["gmsd"], score(0 * gray, gray)["gmsd"]
    assert found == pytest.approx(expected, abs=1e-5)


def test_perceptual_scores_look_at_the_clamped_picture():
    x = torch.zeros(1, 3, 32, 32)
    x[..., 16:] = 1
    found = score(3 * x - 1, x)
    assert found["haarpsi"] == pytest.approx(1, abs=1e-5)
    assert found["gmsd"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 1, 12, 12, 12), (1, 2, 16, 16)])
def test_what_is_no_picture_has_no_perceptual_score(shape):
    x = torch.rand(shape)
    found = score(x, x)
    for name in ("haarpsi", "gmsd", "lpips", "dists"):
        assert math.isnan(found[name])


def test_an_unknown_truth_has_no_score():
    x = torch.rand(1, 1, 16, 16)
    found = score(x, torch.full_like(x, torch.nan), y=x)
    for name in ("haarpsi", "gmsd", "nrmse", "psnr_mri", "psnr"):
        assert math.isnan(found[name])


def test_a_metric_is_one_number(monkeypatch):
    """A tensor in a row would not be read back from the cache."""
    x = picture(16, 16)
    largest = replace(
        METRICS["psnr"], function=lambda case: (case.x_hat - case.x).abs().max()
    )
    monkeypatch.setitem(METRICS, "psnr", largest)
    found = score(x + 0.25, x)["psnr"]
    assert type(found) is float and found == pytest.approx(0.25)
    whole = replace(largest, label="map", function=lambda case: case.x_hat)
    monkeypatch.setitem(METRICS, "psnr", whole)
    with pytest.raises(
        ValueError, match="The metric map gives .* instead of one number"
    ):
        score(x, x)
