"""The pictures of all images of a problem, in a result file."""

import json

import numpy as np
import pytest
import torch

from benchmark_inverse_problems.judge.pictures import KEPT, galleries, gallery
from benchmark_inverse_problems.judge.reconstruction import Reconstruction
from benchmark_inverse_problems.problems.problem import Task
from benchmark_inverse_problems.report.pictures import from_png, stored_entries

from ..problems.test_tasks import VOLUME, problem

NOISE = Task("denoising", sigma=0.1)


@pytest.fixture(scope="module")
def images():
    return problem(NOISE, 3, 24, 24, count=KEPT + 2)


def reconstructions(images):
    return [Reconstruction(0.5 * images.truth(k)) for k in range(len(images))]


def test_the_first_images_are_kept_the_first_one_exactly(images):
    entries = stored_entries(galleries(reconstructions(images), images))
    names = [images.judged(k)[1].name for k in range(KEPT)]
    assert [entry["name"] for entry in entries] == names
    alone = json.loads(gallery(0.5 * images.truth(0), *images.judged(0)))
    assert entries[0] == alone
    for k in (0, 3):
        truth = images.truth(k)[0].permute(1, 2, 0).numpy()
        error = np.abs(from_png(entries[k]["truth"]) - truth)
        assert error.max() < 0.51 / 255 if k == 0 else 0 < error.mean() < 0.05


def test_images_whose_pixels_are_gone_are_left_out(images):
    found = reconstructions(images)
    for item in found[1:]:
        item.x_hat = None
    assert len(stored_entries(galleries(found, images))) == 1


def test_spreads_are_kept_of_all_images(images):
    found = [
        Reconstruction(x := images.truth(k), torch.full_like(x, 0.1)) for k in range(2)
    ]
    for entry in stored_entries(galleries(found, images)):
        assert from_png(entry["spread"]).mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("shape", "complex", "expected"),
    [
        ((3, 24, 24), False, ""),
        (VOLUME, False, "the three central slices"),
        ((2, 24, 24), True, "magnitude"),
    ],
)
def test_what_is_side_by_side_is_said(shape, complex, expected):
    images = problem(NOISE, *shape, complex=complex)
    for entry in stored_entries(galleries(reconstructions(images), images)):
        assert entry["layout"] == expected
        picture = from_png(entry["reconstruction"])
        assert picture.shape[1] == (16 + 16 + 14 if shape == VOLUME else 24)
