"""Measured sinograms: a stand-in slice of the data set's format, and what is refused.

Its measurements are chords of discs, by the geometry that the authors publish: they do not
depend on the operator that is tested.
"""

import numpy as np
import pytest
import tifffile
import torch

from benchmark_inverse_problems.physics.facts import family
from benchmark_inverse_problems.problems import sinograms
from benchmark_inverse_problems.problems.images import open_images
from benchmark_inverse_problems.problems.problem import Problem, Task

from .test_images import error_of, point_at

# Discs (x, y, radius, value), in pixels of the reference from the axis of rotation.
DISCS = [
    (0, 0, 330, 0.4),
    (150, -60, 90, 0.5),
    (-130, 120, 60, -0.3),
    (40, 210, 50, 0.4),
]
# Attenuation of a value of one along a pixel, and counts.
UNIT, DARK, LIGHT = 0.004, 200, 40_000
NOISE = {"mode1": 0.03, "mode2": 0.003}


def chords():
    """Integrals along rays: 3600 views, 1912 pixels of the detector.

    The source is at (sin a, -cos a) times its distance, the detector's pixels are along
    (cos a, sin a), as in ASTRA's documentation; a runs backwards from 180 degrees.
    """
    fov = 956 * 0.1496 * 431.019989 / 529.000488
    scale = 1024 / fov  # pixels for a millimetre
    angle = -2 * np.pi * np.arange(3600) / 3600 + np.pi
    place = (np.arange(1912) - 955.5) * 0.0748 * scale
    sin, cos = np.sin(angle)[:, None], np.cos(angle)[:, None]
    source = np.stack((431.019989 * scale * sin, -431.019989 * scale * cos))
    behind = (529.000488 - 431.019989) * scale
    pixel = np.stack((place * cos - behind * sin, place * sin + behind * cos))
    ray = pixel - source
    ray /= np.sqrt((ray**2).sum(0))
    ray, source = ray.astype(np.float32), source.astype(np.float32)
    total = np.zeros((3600, 1912), np.float32)
    for x, y, radius, value in DISCS:
        away = ray[0] * (y - source[1]) - ray[1] * (x - source[0])
        total += 2 * value * np.sqrt(np.maximum(radius**2 - away**2, 0))
    return total


def picture():
    """The discs on the grid of the references, whose axis is a pixel off the middle."""
    y, x = np.mgrid[:1024, :1024] - 512.5
    total = np.zeros((1024, 1024), np.float32)
    for cx, cy, radius, value in DISCS:
        total += value * ((x - cx) ** 2 + (y - cy) ** 2 < radius**2)
    return total


@pytest.fixture(scope="module")
def slice_files(tmp_path_factory):
    """A folder with one slice, written as the scanner and its authors write."""
    root = tmp_path_factory.mktemp("detect")
    integrals = UNIT * chords()
    rng = np.random.RandomState(0)
    for mode, noise in NOISE.items():
        folder = root / "2DeteCT_slices4001-5000" / "slice04531" / mode
        folder.mkdir(parents=True)
        attenuation = integrals + noise * rng.standard_normal(integrals.shape)
        counts = (DARK + LIGHT * np.exp(-attenuation[:, ::-1])).round()
        counts = np.concatenate((counts, counts[:1]))  # the first view, once more
        tifffile.imwrite(folder / "sinogram.tif", counts.astype(np.uint16))
        for name, value in (("dark", DARK), ("flat1", DARK + LIGHT), ("flat2", 40_200)):
            row = np.full((1, 1912), value, np.uint16)
            tifffile.imwrite(folder / f"{name}.tif", row)
    folder = root / "2DeteCT_slices4001-5000_RecSeg"
    for name in ("slice04531", "slice04002"):
        (folder / name / "mode2").mkdir(parents=True)
        tifffile.imwrite(folder / name / "mode2" / "reconstruction.tif", picture())
    return root


def problem(folder, side=64, dose="full", views=60, arc=360):
    images = open_images("detect_ct", folder, sinograms.DETECT_CT)
    task = Task("fan_beam", {"views": views, "arc": arc})
    return Problem(images.sized(side, dose=dose), task, side)


@pytest.mark.parametrize("side", [64, 128])
def test_a_slice_explains_its_measurements(slice_files, side):
    found = problem(slice_files, side)
    assert found.images.names == ["slice04531"], "04002 is no test slice"
    x, observation = found.truth(0), found.observe(0)
    assert x.shape == (1, 1, side, side)
    physics, y = observation.physics, observation.y
    assert y.shape == physics.A(x).shape

    def misfit(x):
        return float((physics.A(x) - y).norm() / y.norm())

    best = misfit(x)
    assert best < 0.03
    for moved in (x.roll(1, 2), x.roll(-1, 2), x.roll(1, 3), x.roll(-1, 3)):
        assert misfit(moved) > 1.5 * best
    for turned in (x.flip(2), x.flip(3), x.rot90(1, (2, 3)), x.transpose(2, 3)):
        assert misfit(turned) > 3 * best


def test_the_dose_and_the_arc_are_what_the_problem_says(slice_files):
    full, low = (problem(slice_files, dose=dose).observe(0) for dose in ("full", "low"))
    levels = [float(o.physics.noise_model.sigma) for o in (full, low)]
    assert levels[1] == pytest.approx(10 * levels[0], rel=0.2)
    assert float((low.y - full.y).std()) == pytest.approx(levels[1], rel=0.2)
    arc = problem(slice_files, views=30, arc=90).observe(0)
    # Views 0, 30, 60 ... of 3600 are every third degree.
    every = problem(slice_files, views=120, arc=360).observe(0)
    norms = [float(o.physics.operator_norm) for o in (arc, every)]
    expected = every.y[..., :30] * norms[1] / norms[0]
    torch.testing.assert_close(arc.y, expected)
    angles = arc.physics.angles - arc.physics.angles[0]
    torch.testing.assert_close(angles, 3.0 * torch.arange(30))


BAD = {
    "no measurements": (
        lambda f: (f / "2DeteCT_slices4001-5000/slice04531/mode2/flat1.tif").unlink(),
        "slice04531 cannot be read .*: download it again, with its measurements",
    ),
    "another reference": (
        lambda f: tifffile.imwrite(reference(f), np.roll(picture(), 200, 1)),
        "explains its measurements up to .* only: check that the files belong together",
    ),
    "a small reference": (
        lambda f: tifffile.imwrite(reference(f), picture()[:512]),
        "has 512x1024 pixels and 1024x1024 are needed",
    ),
    "damaged": (lambda f: reference(f).write_bytes(b"no"), "cannot be read"),
}


def reference(folder):
    return folder / "2DeteCT_slices4001-5000_RecSeg/slice04531/mode2/reconstruction.tif"


@pytest.mark.parametrize("kind", BAD)
def test_bad_slices_are_one_sentence(slice_files, tmp_path, kind):
    change, words = BAD[kind]
    copied(slice_files, tmp_path)
    change(tmp_path)
    with pytest.raises(ValueError, match=words) as caught:
        problem(tmp_path, 32).observe(0)
    assert "\n" not in str(caught.value)


def copied(folder, target):
    """The same files, of which those that tests change may be replaced."""
    for path in folder.rglob("*.tif"):
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def test_networks_of_parallel_beams_did_not_learn_it(slice_files):
    assert family(problem(slice_files).observe(0).physics) == "fan_beam"


def test_a_side_that_the_detector_does_not_fit_is_one_sentence(slice_files):
    with pytest.raises(ValueError, match="size=100 does not fit the 1024 pixels"):
        problem(slice_files, 100).truth(0)


def test_it_runs(suite, slice_files):
    name = "fan_ct[images=detect_ct,size=32,variant=sparse]"
    assert suite.run("-s", "adjoint", "-d", name) is None
    error = error_of(suite)
    for words in ("detect_ct is not on disk", "2DeteCT_slices4001-5000", "data_paths"):
        assert words in error
    point_at(suite, slice_files, "detect_ct")
    rows = suite.run("-s", "adjoint", "-d", name)
    assert len(rows) == 1 and rows.objective_psnr.notna().all()


def test_the_key_holds_the_measurements(slice_files):
    names = {p.name for p in sinograms.DETECT_CT.parts(reference(slice_files))}
    assert names == {"reconstruction.tif", "sinogram.tif", "dark.tif"} | {
        "flat1.tif",
        "flat2.tif",
    }
