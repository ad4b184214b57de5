"""Measured microscopy: stand-in folders of the data set's format, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark_inverse_problems.problems import microscopes
from benchmark_inverse_problems.problems.images import open_images
from benchmark_inverse_problems.problems.problem import Problem, Task

from .test_images import error_of, point_at

GAIN, SIGMA, SIDE = 0.03, 0.02, 96


def scene(seed):
    """A smooth picture with values from 0.1 to 0.8."""
    rng = np.random.RandomState(seed)
    coarse = Image.fromarray(rng.uniform(0.1, 0.8, (6, 6)).astype(np.float32))
    return np.array(coarse.resize((SIDE, SIDE), Image.BILINEAR))


def write(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (255 * picture).round().clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    """Two types of images: 12 captures of field 19, their means of four, and the truth."""
    for seed, kind in enumerate(("Confocal_FISH", "TwoPhoton_MICE")):
        rng, x = np.random.RandomState(seed), scene(seed)
        shots = [
            GAIN * rng.poisson(x / GAIN) + SIGMA * rng.standard_normal(x.shape)
            for _ in range(12)
        ]
        for k, shot in enumerate(shots):
            write(tmp_path / kind / "raw" / "19" / f"HV{k:03d}.png", shot)
            mean = np.mean([shots[(k + i) % 12] for i in range(4)], 0)
            write(tmp_path / kind / "avg4" / "19" / f"HV{k:03d}.png", mean)
        write(tmp_path / kind / "gt" / "19" / "avg50.png", x)
        write(tmp_path / kind / "gt" / "1" / "avg50.png", x)
    return tmp_path


def problem(folder, averages, side="none"):
    images = open_images("fmd", folder, microscopes.FMD)
    images = images.sized(side, averages=averages)
    return Problem(images, Task("denoising", sigma=0.1), side)


def test_a_field_is_measured_by_its_first_capture(folder):
    found = problem(folder, 1)
    assert found.images.names == ["Confocal_FISH", "TwoPhoton_MICE"]
    x, observation = found.truth(1), found.observe(1)
    assert x.shape == observation.y.shape == (1, 1, SIDE, SIDE)
    np.testing.assert_allclose(x[0, 0].numpy(), scene(1), atol=0.003)
    expected = np.array(Image.open(folder / "TwoPhoton_MICE/raw/19/HV000.png")) / 255
    np.testing.assert_allclose(observation.y[0, 0].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("averages", [1, 4])
def test_the_noise_is_calibrated(folder, averages):
    model = problem(folder, averages).observe(0).physics.noise_model
    assert float(model.gain) == pytest.approx(GAIN / averages, rel=0.1)
    assert float(model.sigma) == pytest.approx(SIGMA / averages**0.5, rel=0.4)
    x, y = problem(folder, averages).truth(0), problem(folder, averages).observe(0).y
    expected = (GAIN * x + SIGMA**2).mean() / averages
    assert float((y - x).square().mean()) == pytest.approx(float(expected), rel=0.1)


def test_noise_without_a_poisson_part_is_found_too():
    rng = np.random.RandomState(0)
    images = scene(0) + 0.05 * rng.standard_normal((10, SIDE, SIDE))
    gain, sigma = microscopes.calibrated(images)
    assert sigma == pytest.approx(0.05, rel=0.1) and gain < 0.002
    assert microscopes.calibrated(np.ones((3, 4, 4))) == (0, 0)


def test_a_crop_is_the_same_for_truth_and_measurement(folder):
    whole, part = (problem(folder, 1, side) for side in ("none", 32))
    inner = (..., slice(32, 64), slice(32, 64))
    assert torch.equal(part.truth(0), whole.truth(0)[inner])
    assert torch.equal(part.observe(0).y, whole.observe(0).y[inner])


def first(folder, place):
    return folder / "Confocal_FISH" / place / "19" / "HV000.png"


BAD = {
    "no captures": (
        lambda f: [p.unlink() for p in f.glob("Confocal_FISH/raw/19/*")],
        1,
        "has 0 single captures and two are needed",
    ),
    "no means": (lambda f: None, 16, "has no mean of 16 captures: put them into .*19"),
    "damaged": (
        lambda f: first(f, "raw").write_bytes(b"no"),
        1,
        "HV000.png cannot be read",
    ),
    "another size": (
        lambda f: write(first(f, "avg4"), np.zeros((40, 40))),
        4,
        "differ in size from their mean: download them again",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_fields_are_one_sentence(folder, kind):
    change, averages, words = BAD[kind]
    change(folder)
    with pytest.raises(ValueError, match=words) as caught:
        problem(folder, averages).observe(0)
    assert "\n" not in str(caught.value)


def test_it_runs_and_auto_finds_it(suite, folder):
    settings = "n_images=2,crop=32"
    (bundled,) = suite.run(
        *("-s", "adjoint", "-d", f"fmd_denoise[{settings},averages=4]")
    ).dataset_name.unique()
    assert "images=bundled" in bundled
    point_at(suite, folder, "fmd")
    rows = suite.run("-s", "adjoint", "-d", f"fmd_denoise[{settings},averages=[1,4]]")
    assert rows.dataset_name.str.contains("images=fmd").all() and len(rows) == 4
    one, four = (
        rows[rows.dataset_name.str.contains(f"averages={n},")].objective_psnr.mean()
        for n in (1, 4)
    )
    assert four > one + 4


def test_missing_data_are_one_sentence(suite):
    problem = "fmd_denoise[images=fmd,averages=1]"
    assert suite.run("-s", "adjoint", "-d", problem) is None
    error = error_of(suite)
    for words in ("fmd is not on disk", "data_paths", "benchopt prepare"):
        assert words in error


def test_its_files_are_no_pictures_of_another_problem(suite):
    problem = "cbsd68_denoise[images=fmd,sigma=25]"
    assert suite.run("-s", "adjoint", "-d", problem) is None
    assert error_of(suite) == (
        "images=fmd of cbsd68_denoise is not allowed, as its files are the folders of FMD, "
        "each with gt, raw and avg*: use bundled."
    )


def test_the_key_holds_the_captures(folder):
    truth = folder / "Confocal_FISH/gt/19/avg50.png"
    files = microscopes.FMD.parts(truth)
    assert files[0] == truth and {first(folder, "raw"), first(folder, "avg4")} < {
        *files
    }
