"""Measured volumes: stand-in files of the collections' formats, and what is refused."""

import h5py
import numpy as np
import pytest
import torch
from deepinv.utils.mixins import MRIMixin
from skimage.io import imsave
from torch.nn.functional import avg_pool3d, interpolate, pad

from benchmark_inverse_problems.physics.operators.cone_beam import ConeBeam
from benchmark_inverse_problems.physics.operators.multicoil_mri import (
    coil_maps,
    multi_coil,
)
from benchmark_inverse_problems.problems import scans
from benchmark_inverse_problems.problems.images import open_images
from benchmark_inverse_problems.problems.problem import Problem, Task
from benchmark_inverse_problems.problems.volumes import ellipsoids, with_phase

from .test_images import point_at

# Of the stand-in walnut: voxels, views, detector, and the grey value of walnuts.
WHOLE, VIEWS, DETECTOR, PEAK = 31, 12, (40, 34), 0.05
LIGHT, DARK, NOISE = 40_000, 100, 1e-3


def rows(half):
    """A geometry in mm: the source turns the other way round and stands a bit high."""
    angle = -2 * np.pi * np.arange(VIEWS + 1) / VIEWS
    zero, one = np.zeros_like(angle), np.ones_like(angle)
    direction = np.stack((np.cos(angle), np.sin(angle), zero), 1)
    source = 4 * half * direction + [0, 0, 0.1 * half]
    centre = -8 * half * direction
    step = 3 * 2.2 * half / DETECTOR[1]
    u = step * np.stack((-np.sin(angle), np.cos(angle), zero), 1)
    v = step * np.stack((zero, zero, one), 1)
    return np.concatenate((source, centre, u, v), 1)


@pytest.fixture
def walnut(tmp_path, monkeypatch):
    """A folder with one small walnut, written as the scanner and its authors write."""
    monkeypatch.setattr(scans, "VIEWS", VIEWS)
    folder = tmp_path / "Walnut1" / "Projections" / "tubeV2"
    slices = tmp_path / "Walnut1" / "Reconstructions"
    folder.mkdir(parents=True)
    slices.mkdir()
    half = WHOLE * scans.VOXEL / 2
    vectors = rows(half)
    np.savetxt(folder / "scan_geom_corrected.geom", vectors)
    volume = PEAK * ellipsoids(0, WHOLE)
    scaled = torch.from_numpy(vectors[:-1] / half)
    physics = ConeBeam(scaled, DETECTOR, WHOLE)
    lines = physics.A(volume) / physics.scale * scans.VOXEL
    rng = np.random.RandomState(0)

    def stored(picture, name):
        counts = np.flipud(picture.T)
        imsave(folder / name, counts.round().astype(np.uint16), check_contrast=False)

    stored(np.full(DETECTOR, DARK), "di000000.tif")
    for k in (0, 1):
        stored(np.full(DETECTOR, DARK + LIGHT), f"io00000{k}.tif")
    for view in range(VIEWS):
        light = LIGHT * np.exp(-lines[0, 0, view].numpy())
        noisy = DARK + light * (1 + NOISE * rng.standard_normal(DETECTOR))
        stored(noisy, f"scan_{VIEWS - view:06d}.tif")
    for z, picture in enumerate(volume[0, 0].numpy()):
        imsave(slices / f"full_AGD_50_{z:06d}.tiff", picture, check_contrast=False)
    return tmp_path


def problem(folder, name, side, operator, **settings):
    """The problem of a measured set in a folder."""
    images = open_images(name, folder, scans.SCANS[name])
    images = images.sized(side, complex=name == "calgary")
    return Problem(images, Task(operator, settings), side)


@pytest.mark.parametrize("size", [16, 31])
def test_a_walnut_explains_its_projections(walnut, size):
    found = problem(walnut, "walnut", size, "cone_beam", views=6)
    x, observation = found.truth(0), found.observe(0)
    assert observation.name == "Walnut1"
    block = -(-WHOLE // size)
    padded = pad(ellipsoids(0, WHOLE), (0, size * block - WHOLE) * 3)
    expected = avg_pool3d(padded, block)
    assert float((x * expected).sum() / (x.norm() * expected.norm())) > 0.999
    physics, y = observation.physics, observation.y
    assert y.shape[:3] == (1, 1, 6)
    misfit = float((physics.A(x) - y).norm() / y.norm())
    assert misfit < 0.1
    for axis in (2, 3, 4):
        moved = float((physics.A(x.roll(1, axis)) - y).norm() / y.norm())
        assert moved > 1.5 * misfit
    if size == WHOLE:  # pixels are not averaged
        expected = NOISE * physics.scale / (scans.VOXEL * PEAK * float(expected.max()))
        assert float(physics.noise_model.sigma) == pytest.approx(expected, rel=0.3)


def test_all_views_are_taken_in_their_order(walnut):
    found = problem(walnut, "walnut", WHOLE, "cone_beam", views=VIEWS).observe(0)
    few = problem(walnut, "walnut", WHOLE, "cone_beam", views=3).observe(0)
    chosen = found.y[:, :, ::4] / found.physics.scale
    torch.testing.assert_close(few.y / few.physics.scale, chosen)


WALNUTS = {
    "no slices": (
        lambda w: [p.unlink() for p in w.glob("Reconstructions/*")],
        "has no reconstruction: put its files full_AGD_50_",
    ),
    "a missing slice": (
        lambda w: next(w.glob("Reconstructions/*")).unlink(),
        "has 30x31x31 voxels and a cube is needed",
    ),
    "a damaged projection": (
        lambda w: (w / "Projections/tubeV2/scan_000012.tif").write_bytes(b"no"),
        "scan_000012.tif cannot be read",
    ),
    "a missing flat field": (
        lambda w: (w / "Projections/tubeV2/io000001.tif").unlink(),
        "io000001.tif cannot be read",
    ),
    "a short geometry": (
        lambda w: np.savetxt(geometry_of(w), np.ones((3, 12))),
        r"has the shape \(3, 12\) and 12 rows of 12 numbers are needed",
    ),
    "another geometry": (
        lambda w: np.savetxt(
            geometry_of(w), np.loadtxt(geometry_of(w)) + 5 * np.eye(12)[5]
        ),
        "explains its projections up to .* only: check that the files belong together",
    ),
    "no numbers": (
        lambda w: geometry_of(w).write_text("no numbers"),
        "scan_geom_corrected.geom cannot be read",
    ),
}


def geometry_of(folder):
    return folder / "Projections/tubeV2/scan_geom_corrected.geom"


@pytest.mark.parametrize("kind", WALNUTS)
def test_bad_walnuts_are_one_sentence(walnut, kind):
    change, words = WALNUTS[kind]
    change(walnut / "Walnut1")
    found = problem(walnut, "walnut", 16, "cone_beam", views=6)
    with pytest.raises(ValueError, match=words) as caught:
        found.observe(0)
    assert "\n" not in str(caught.value)


COILS, SHAPE = 5, (24, 26, 22)


@pytest.fixture
def brain(tmp_path):
    """A folder with one small head, written as the scanner's files are."""
    rng = np.random.RandomState(0)
    volume = with_phase(ellipsoids(1, 26), 0)[..., 1:25, :, 2:24]
    maps = coil_maps(SHAPE, COILS, rng)[None]
    physics = multi_coil(maps, torch.ones(SHAPE[1:]))
    y = MRIMixin.to_torch_complex(physics.A(1000 * volume))[0]
    y = y + 8 * torch.from_numpy(rng.standard_normal((*y.shape, 2)) @ [1, 1j])
    # Slices are images along the first axis. The scanner's transform is not centred.
    slices = torch.fft.ifftshift(y, dim=1)
    slices = torch.fft.fftshift(torch.fft.ifft(slices, dim=1, norm="ortho"), dim=1)
    signs = (-1.0) ** (torch.arange(SHAPE[1])[:, None] + torch.arange(SHAPE[2]))
    parts = torch.view_as_real((slices * signs).permute(1, 2, 3, 0))
    with h5py.File(tmp_path / "e1.h5", "w") as file:
        file["kspace"] = parts.flatten(-2).float().numpy()
    return tmp_path, volume


def test_a_head_is_that_of_its_file(brain):
    folder, volume = brain
    found = problem(folder, "calgary", 20, "multicoil_mri", acceleration=3, coils=4)
    x, observation = found.truth(0), found.observe(0)
    assert observation.name == "e1.h5" and observation.complex
    assert observation.y.shape == (1, 2, COILS, 20, 20, 20)
    magnitude = x.square().sum(1).sqrt()
    expected = interpolate(
        volume.square().sum(1).sqrt()[None], size=(20, 20, 20), mode="trilinear"
    )[0]
    similar = (magnitude * expected).sum() / (magnitude.norm() * expected.norm())
    assert float(similar) > 0.97
    flipped = expected.flip(1)
    worse = (magnitude * flipped).sum() / (magnitude.norm() * flipped.norm())
    assert float(worse) < float(similar) - 0.03
    physics = observation.physics
    share = float(physics.mask.mean())
    assert share == pytest.approx(1 / 3, abs=0.01)
    misfit = physics.A(x) - observation.y
    assert float(misfit.norm() / observation.y.norm()) < 0.1
    assert float(physics.noise_model.sigma) == pytest.approx(8 / 1000, rel=0.3), (
        "the noise of the stand-in, in units of its brightest voxels"
    )


BRAINS = {
    "another key": ({"other": np.zeros((24, 24, 24, 8))}, "e1.h5 cannot be read"),
    "three axes": ({"kspace": np.zeros((24, 24, 8))}, "e1.h5 cannot be read"),
    "small": (
        {"kspace": np.ones((24, 12, 24, 8), np.float32)},
        "has 24x12x24 voxels, fewer than size=20",
    ),
    "masked": (
        {
            "kspace": np.ones((24, 24, 24, 8), np.float32)
            * (np.arange(24) % 5 == 0)[:, None]
        },
        "e1.h5 lacks frequencies: use a file of the training or the validation set",
    ),
    "zeros": (
        {"kspace": np.zeros((24, 24, 24, 8), np.float32)},
        "e1.h5 lacks frequencies",
    ),
}


@pytest.mark.parametrize("kind", BRAINS)
def test_bad_heads_are_one_sentence(tmp_path, kind):
    content, words = BRAINS[kind]
    with h5py.File(tmp_path / "e1.h5", "w") as file:
        for key, value in content.items():
            file[key] = value
    found = problem(tmp_path, "calgary", 20, "multicoil_mri", acceleration=3, coils=4)
    with pytest.raises(ValueError, match=words) as caught:
        found.truth(0)
    assert "\n" not in str(caught.value)


def test_a_damaged_file_of_a_head_is_one_sentence(tmp_path):
    (tmp_path / "e1.h5").write_bytes(b"no")
    found = problem(tmp_path, "calgary", 20, "multicoil_mri", acceleration=3, coils=4)
    with pytest.raises(ValueError, match="e1.h5 cannot be read"):
        found.truth(0)


def test_measured_sets_run_and_belong_to_one_problem(suite, walnut, capsys):
    point_at(suite, walnut, "walnut")
    settings = "images=walnut,size=16"
    results = suite.run(
        *("-s", "adjoint", "-s", "pseudoinverse"),
        *("-d", f"volume_ct[{settings},views=6]"),
        *("-d", f"volume_mri[{settings},acceleration=4]"),
    )
    good = results[results["dataset_name"].str.startswith("volume_ct")]
    assert good["objective_psnr"].notna().all() and len(good) == 2
    assert (
        "were measured by cone_beam and not by multicoil_mri" in capsys.readouterr().out
    )
    state = suite.run("-s", "adjoint", "-d", f"volume_ct[{settings},views=6]")
    assert state["objective_psnr"].notna().all()


def test_a_changed_projection_is_another_problem(walnut):
    files = scans.SCANS["walnut"].parts(geometry_of(walnut / "Walnut1"))
    assert {p.name for p in files} >= {"di000000.tif", "scan_000012.tif"}
    assert "full_AGD_50_000030.tiff" in {p.name for p in files}
