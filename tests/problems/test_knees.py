"""Measured knees: stand-in files of fastMRI's format, and what is refused."""

import h5py
import numpy as np
import pytest
import torch
from deepinv.utils.mixins import MRIMixin

from benchmark_inverse_problems.physics.operators.multicoil_mri import coil_maps
from benchmark_inverse_problems.problems import knees, scans
from benchmark_inverse_problems.problems.images import open_images
from benchmark_inverse_problems.problems.phantoms import phantoms
from benchmark_inverse_problems.problems.problem import Problem, Task

from ..test_plugins import reconstruct
from ..tiny import dataset
from .test_images import error_of, point_at

ROWS, COLUMNS, COILS, NOISE, PEAK = 48, 44, 3, 2e-7, 3e-5


@pytest.fixture(autouse=True)
def small_calibration(monkeypatch):
    """Sensitivities of so few pixels need no larger centre, and are found faster."""
    monkeypatch.setattr(scans, "CALIBRATION", 12)


def slice_of(seed):
    """A complex image with the readout twice as long as the object needs."""
    _, x = phantoms(2, seed, channels=2)[0]
    x = torch.nn.functional.interpolate(x, (ROWS, COLUMNS), mode="area")
    return PEAK * torch.nn.functional.pad(x, (0, 0, ROWS // 2, ROWS // 2))


def write(path, multicoil, seed=0, **changes):
    """A file of three slices, the middle one of which is the knee."""
    rng = np.random.RandomState(seed)
    x = MRIMixin.to_torch_complex(slice_of(seed))
    if multicoil:
        x = x * coil_maps((1, *x.shape[1:]), COILS, rng)[:, 0]
    y = MRIMixin.fft(x)
    noise = rng.standard_normal((*y.shape, 2)) @ [1, 1j]
    y = y + NOISE * torch.from_numpy(noise)
    full = MRIMixin.ifft(y)[..., ROWS // 2 : -ROWS // 2, 2:-2].abs()
    middle, reference = y.numpy(), full.square().sum(0).sqrt().numpy()
    if not multicoil:
        middle = middle[0]
    content = {
        "kspace": np.stack([0 * middle, middle, 0 * middle]).astype(np.complex64),
        "reconstruction_rss" if multicoil else "reconstruction_esc": np.stack(
            [reference] * 3
        ).astype(np.float32),
    } | changes
    with h5py.File(path, "w") as file:
        for key, value in content.items():
            if value is not None:
                file[key] = value
    return reference


def problem(folder, multicoil, side="none", acceleration=4):
    kind = knees.FASTMRI_KNEE_MULTICOIL if multicoil else knees.FASTMRI_KNEE
    images = open_images("fastmri_knee", folder, kind)
    task = Task(images.operator, {"acceleration": acceleration, "centre": 0.1})
    return Problem(images.sized(side), task, side)


def similar(a, b):
    return float((a * b).sum() / (a.norm() * b.norm()))


@pytest.mark.parametrize("multicoil", [False, True])
def test_a_knee_is_the_reconstruction_from_all_of_its_k_space(tmp_path, multicoil):
    reference = torch.from_numpy(write(tmp_path / "file1.h5", multicoil))
    write(tmp_path / "file2.h5", multicoil, seed=1)
    found = problem(tmp_path, multicoil)
    assert found.images.names == ["file1", "file2"]
    x, observation = found.truth(0), found.observe(0)
    assert observation.complex and x.shape == (1, 2, ROWS, COLUMNS)
    magnitude = x.norm(dim=1)[0]
    # The reference of a file is cut.
    assert similar(magnitude[:, 2:-2], reference) > (0.97 if multicoil else 0.9999)
    assert similar(magnitude[:, 2:-2].flip(0), reference) < 0.97
    assert similar(found.truth(1).norm(dim=1)[0, :, 2:-2], reference) < 0.95


@pytest.mark.parametrize("multicoil", [False, True])
def test_masks_are_taken_of_the_measured_k_space(tmp_path, multicoil):
    write(tmp_path / "file1.h5", multicoil)
    found = problem(tmp_path, multicoil)
    x, observation = found.truth(0), found.observe(0)
    physics, y = observation.physics, observation.y
    shape = (1, 2, COILS, ROWS, COLUMNS) if multicoil else (1, 2, ROWS, COLUMNS)
    assert y.shape == shape
    columns = (y != 0).flatten(0, -2).any(0)
    assert int(columns.sum()) == COLUMNS // 4
    assert torch.equal(columns, physics.mask[0, 0].any(0))
    misfit = (physics.A(x) - y).norm() / y.norm()
    assert float(misfit) < (0.1 if multicoil else 1e-5)
    brightest = float(slice_of(0).norm(dim=1).max())
    sigma = float(physics.noise_model.sigma)
    assert sigma == pytest.approx(NOISE / brightest, rel=0.3)
    again = problem(tmp_path, multicoil, acceleration=2).observe(0)
    assert int((again.y != 0).flatten(0, -2).any(0).sum()) == COLUMNS // 2


def test_a_side_is_that_of_the_centre_of_k_space(tmp_path):
    write(tmp_path / "file1.h5", False)
    whole, small = (problem(tmp_path, False, side).truth(0) for side in ("none", 24))
    assert small.shape == (1, 2, 24, 24)
    magnitude = whole.norm(dim=1, keepdim=True)
    expected = torch.nn.functional.interpolate(magnitude, (24, 24), mode="area")
    assert similar(small.norm(dim=1, keepdim=True), expected) > 0.95
    assert problem(tmp_path, False, 400).truth(0).shape == whole.shape


BAD = {
    "no reference": (
        {"reconstruction_esc": None},
        "file1.h5 cannot be read .*: it must hold `kspace` and the `reconstruction`",
    ),
    "no k-space": ({"kspace": None}, "file1.h5 cannot be read"),
    "masked": (
        {
            "kspace": np.ones((3, 96, 44), np.complex64)
            * (np.arange(44) % 4 == 0).astype(np.float32)
        },
        "file1.h5 lacks frequencies: use a file of the training or the validation",
    ),
    "several coils": (
        {"kspace": np.ones((3, 2, 96, 44), np.complex64)},
        "has k-space of several coils and of one is needed",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_knees_are_one_sentence(tmp_path, kind):
    changes, words = BAD[kind]
    write(tmp_path / "file1.h5", False, **changes)
    with pytest.raises(ValueError, match=words) as caught:
        problem(tmp_path, False).truth(0)
    assert "\n" not in str(caught.value)


def test_damaged_files_and_one_coil_are_one_sentence(tmp_path):
    write(tmp_path / "file1.h5", False)
    with pytest.raises(ValueError, match="of one coils and of several is needed"):
        problem(tmp_path, True).truth(0)
    (tmp_path / "file1.h5").write_bytes(b"no")
    with pytest.raises(ValueError, match="file1.h5 cannot be read"):
        problem(tmp_path, False).truth(0)


@pytest.mark.parametrize("multicoil", [False, True])
def test_it_runs(suite, tmp_path, multicoil):
    folder = tmp_path / "knees"
    folder.mkdir()
    write(folder / "file1.h5", multicoil)
    name = "fastmri_knee_multicoil" if multicoil else "fastmri_knee"
    place = "parallel_mri" if multicoil else "phantom_mri"
    point_at(suite, folder, name)
    rows = suite.run(
        *("-s", "adjoint", "-d", f"{place}[images={name},acceleration=4]"),
    )
    assert len(rows) == 1 and rows.objective_psnr.min() > 10


def test_missing_data_are_one_sentence(suite):
    problem = "phantom_mri[images=fastmri_knee,acceleration=4]"
    assert suite.run("-s", "adjoint", "-d", problem) is None
    error = error_of(suite)
    for words in ("fastmri_knee is not on disk", "fastmri.med.nyu.edu", "data_paths"):
        assert words in error
    assert "benchopt prepare" not in error, "nobody may download it for others"


def test_networks_that_see_measurements_as_images_skip_several_coils():
    settings = {"crop": 32, "acceleration": 4, "n_images": 1}
    phantoms = dataset("parallel_mri").get_instance(**settings).get_data()["problem"]
    assert reconstruct("pdnet", phantoms) is None
    (found,) = reconstruct("unrolled", phantoms)
    assert found.outside == "it learned no parallel mri"
