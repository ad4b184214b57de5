"""Volumes: phantoms, files of scanners, and what cannot be read."""

import plistlib
import runpy
import sys
import tarfile

import numpy as np
import pytest
import SimpleITK
import torch

from benchmark_inverse_problems.problems import volumes
from benchmark_inverse_problems.problems.images import open_images

from ..conftest import ROOT
from .test_images import error_of, point_at


@pytest.fixture
def values():
    """A small volume (D, H, W) whose voxels all differ along each axis."""
    d, h, w = np.meshgrid(*map(np.arange, (20, 22, 24)), indexing="ij")
    return (d + 40 * h + 1600 * w).astype(np.float32)


def written(values, path, direction=(1, 1, 1)):
    """Write an array (D, H, W) in LPS order, stored with some axes (x, y, z) flipped."""
    x, y, z = direction
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(values[::z, ::y, ::x]))
    image.SetDirection(np.diag(direction).astype(float).flatten().tolist())
    SimpleITK.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".nrrd", ".tif"])
def test_formats_give_the_same_volume(values, tmp_path, suffix):
    path = written(values, tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(volumes.read_volume(path), values)


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
@pytest.mark.parametrize("direction", [(-1, 1, 1), (1, -1, -1), (-1, -1, 1)])
def test_flipped_axes_are_turned(values, tmp_path, suffix, direction):
    path = written(values, tmp_path / f"a{suffix}", direction)
    np.testing.assert_array_equal(volumes.read_volume(path), values)


def test_npy_is_taken_as_it_is(values, tmp_path):
    np.save(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(volumes.read_volume(tmp_path / "a.npy"), values)


def test_volumes_of_a_folder_are_scaled_reduced_and_cut(tmp_path):
    values = np.random.RandomState(0).rand(50, 40, 44).astype(np.float32) * 300 - 1000
    written(values, tmp_path / "head.nii.gz")
    ((name, x),) = open_images("mine", tmp_path, volumes.VOLUMES).sized(16)
    assert name == "head.nii.gz" and x.shape == (1, 1, 16, 16, 16)
    # 40 voxels are reduced by 2 to 20 and cut to 16.
    blocks = volumes.scaled(values)[:50, :40, :44].reshape(25, 2, 20, 2, 22, 2)
    mean = blocks.mean((1, 3, 5))[4:20, 2:18, 3:19]
    np.testing.assert_allclose(x[0, 0], mean, atol=1e-5)
    assert 0 <= float(x.min()) and float(x.max()) <= 1


BAD = {
    "two axes": (np.zeros((9, 9)), "has the shape 9x9 and three axes are needed"),
    "four axes": (np.zeros((3, 9, 9, 9)), "has the shape 3x9x9x9 and three axes"),
    "one slice": (np.zeros((1, 30, 30)), "has the shape 1x30x30"),
    "nan": (np.full((30, 30, 30), np.nan), "holds values that are not finite"),
    "infinite": (np.full((30, 30, 30), np.inf), "holds values that are not finite"),
    "complex": (np.ones((30, 30, 30), complex), "holds complex128 and real numbers"),
    "words": (np.full((30, 30, 30), "a"), "holds <U1 and real numbers are needed"),
    "empty": (np.full((30, 30, 30), 7), "holds 7 everywhere"),
    "small": (
        np.arange(8100.0).reshape(30, 9, 30),
        "has 30x9x30 voxels, fewer than size=16",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_volumes_are_one_sentence(tmp_path, kind):
    content, words = BAD[kind]
    np.save(tmp_path / "bad.npy", content)
    images = open_images("mine", tmp_path, volumes.VOLUMES).sized(16)
    with pytest.raises(ValueError, match=words) as caught:
        _ = images[0]
    assert "bad.npy" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha", "a.nrrd", "a.tif", "a.npy"])
def test_damaged_files_are_one_sentence(tmp_path, name):
    (tmp_path / name).write_bytes(b"no volume")
    with pytest.raises(ValueError, match=f"{name} cannot be read") as caught:
        volumes.read_volume(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_pickled_arrays_are_not_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[[{}]]], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="cannot be read"):
        volumes.read_volume(tmp_path / "a.npy")


def test_phantoms_look_the_same_at_any_side():
    fine = volumes.ellipsoids(3, 48)
    coarse = torch.nn.functional.avg_pool3d(fine, 2)
    found = volumes.ellipsoids(3, 24)
    assert found.shape == (1, 1, 24, 24, 24)
    assert 0 <= float(found.min()) and 0.5 < float(found.max()) <= 1
    edges = (found - coarse).square().mean().sqrt()
    assert float(edges) < 0.25 * float(found.std()), "their texture is another one"
    assert torch.equal(found, volumes.ellipsoids(3, 24))
    assert not torch.equal(found, volumes.ellipsoids(4, 24))


def test_phantoms_lie_in_a_ball():
    axis = (torch.arange(32) + 0.5) / 16 - 1
    radius = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).norm(dim=0)
    for seed in range(6):
        assert float(volumes.ellipsoids(seed, 32)[0, 0][radius > 1].abs().max()) == 0


def test_complex_volumes_have_a_smooth_phase():
    real = volumes.phantoms(2, 0).sized(20)
    images = volumes.phantoms(2, 0).sized(20, complex=True)
    assert images.complex and not real.complex
    x = images[1][1]
    torch.testing.assert_close(x.norm(dim=1, keepdim=True), real[1][1])
    assert not torch.equal(images.first(1)[0][1], x)


def test_a_folder_of_volumes_as_users_meet_it(suite, tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    values = np.random.RandomState(0).rand(20, 20, 20).astype(np.float32)
    written(values, folder / "a.nii.gz")
    point_at(suite, folder)
    problems = [
        "volume_ct[images=mine,size=16,views=10]",
        "volume_mri[images=mine,size=16,acceleration=4]",
        "volume_ct[images=nowhere,size=16,views=10]",
    ]
    arguments = [word for p in problems for word in ("-d", p)]
    df = suite.run("-s", "adjoint", *arguments)
    assert list(df.objective_image) == ["a.nii.gz"] * 2
    assert df.objective_ssim.notna().all()
    assert "put NIfTI, MHA, NRRD, NPY or TIFF volumes there" in error_of(suite)


def test_a_missing_library_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(ValueError, match="needs SimpleITK, which is not installed"):
        volumes.read_volume(tmp_path / "a.nii")


def test_a_volume_that_does_not_fit_says_so_before_it_starts(suite, monkeypatch):
    problem = "volume_ct[size=100000,views=10]"
    df = suite.run("-s", "adjoint", "-d", "simulated[n_images=1]", "-d", problem)
    assert len(df) == 1
    error = error_of(suite)
    assert error.startswith("size=100000 of volume_ct needs about 6.4e+16 bytes and ")
    assert error.endswith("are free: use a smaller size.")


def test_the_example_makes_volumes_of_packages(tmp_path, monkeypatch, values):
    packages, made = tmp_path / "scans", tmp_path / "volumes"
    project, path = tmp_path / "project", ROOT / "examples" / "debian_volumes.py"
    example = runpy.run_path(str(path))
    for name in ("HEAD", "CRANIUM"):
        (packages / example[name]).parent.mkdir(parents=True)
    written(values, packages / example["HEAD"])
    project.mkdir()
    counts = np.where(values > 0, values % 1000, 0).astype(np.int16)
    counts.tofile(project / "matrix.dat")
    matrix = {"dtype": "int16", "filename": "matrix.dat", "shape": [*counts.shape]}
    header = {"matrix": matrix, "spacing": [0.75, 1.5, 3.0]}
    (project / "main.plist").write_bytes(plistlib.dumps(header))
    with tarfile.open(packages / example["CRANIUM"], "w:gz") as archive:
        archive.add(project, "project")
    monkeypatch.setattr(sys, "argv", [str(path), str(packages), str(made)])
    runpy.run_path(str(path), run_name="__main__")
    head = volumes.read_volume(made / "head" / "ch2.nii.gz")
    np.testing.assert_array_equal(head, values)
    cranium = volumes.read_volume(made / "cranium" / "cranium.mha")
    assert cranium.shape == (164,) * 3 and cranium.min() == -1024
    # 20 slices of 3 mm, 22 rows of 1.5 mm and 24 columns of 0.75 mm, in its middle.
    assert (cranium > -1000).sum() == 40 * 22 * 12
    assert cranium[62:102, 71:93, 76:88].min() >= 0


def test_leaves_fill_the_cube_with_edges_of_all_scales():
    x = volumes.leaves(3, 32)
    assert x.shape == (1, 1, 32, 32, 32)
    assert 0 <= float(x.min()) and float(x.max()) <= 1
    assert torch.equal(x, volumes.leaves(3, 32))
    corners = [volumes.leaves(seed, 16)[..., :2, :2, :2].mean() for seed in range(8)]
    assert float(torch.stack(corners).std()) > 0.1, "they reach the corners"
    for factor in (1, 2, 4):
        coarse = torch.nn.functional.avg_pool3d(x, factor)
        assert float(coarse.diff(dim=-1).abs().mean()) > 0.02
