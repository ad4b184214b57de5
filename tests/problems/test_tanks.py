"""Measured tanks: a stand-in file of the archive's format, and what is refused."""

import json

import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat

from benchmark_inverse_problems.judge.case import judge
from benchmark_inverse_problems.judge.pictures import gallery
from benchmark_inverse_problems.judge.reconstruction import Reconstruction
from benchmark_inverse_problems.methods.nonlinear import gauss_newton
from benchmark_inverse_problems.physics.operators.impedance import Impedance, adjacent
from benchmark_inverse_problems.problems import tanks
from benchmark_inverse_problems.problems.images import open_images
from benchmark_inverse_problems.problems.phantoms import inclusions
from benchmark_inverse_problems.problems.problem import Problem, Task

from .test_images import point_at

SIDE, WATER, CONTACT, NOISE = 16, 0.02, 0.03, 1e-5


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A folder with the empty tank and one other, measured on a finer mesh."""
    pairs, voltages = adjacent(16)
    against_first = np.eye(16)[:, 1:] - np.eye(16)[:, :1]
    currents = 1e-3 * np.concatenate((pairs, against_first), 1)
    physics = Impedance(
        SIDE, currents, voltages, 3.0, 20, cover=tanks.COVER, contact=CONTACT
    )
    x = inclusions(0)
    x = torch.nn.functional.avg_pool2d(x, 128 // SIDE)
    rng = np.random.RandomState(0)
    for name, image in (("1_0", torch.full_like(x, 0.5)), ("2_1", x)):
        u = physics.A(image.double())[0, 0].numpy() + physics.empty[0].numpy()
        u = u / WATER
        u = u * (1 + NOISE * rng.standard_normal(u.shape))
        fields = {"CurrentPattern": currents, "MeasPattern": voltages, "Uel": u.T}
        savemat(tmp_path / f"datamat_{name}.mat", fields)
    monkeypatch.setattr(tanks, "RINGS", 12)
    return tmp_path, x


def problem(folder, **settings):
    images = open_images("kit4", folder, tanks.KIT4).sized(SIDE)
    settings = {"electrodes": 16, "contrast": 3.0, "rings": 24} | settings
    told = settings | {"rings": 12}
    return Problem(images, Task("impedance", settings, told=told), SIDE)


def test_a_tank_is_calibrated_by_the_empty_one(archive):
    folder, x = archive
    measured = problem(folder)
    assert measured.images.names == ["datamat_2_1"]
    observation = measured.observe(0)
    physics, y = observation.physics, observation.y
    assert observation.shape == (1, 1, SIDE, SIDE) and y.shape == (1, 1, 31, 16)
    # Not the operator of the simulation, which solvers are told elsewhere.
    assert physics.currents.shape == (16, 31)
    assert float((physics.A(x) - y).norm() / y.norm()) < 0.03
    norm = torch.linalg.matrix_norm(physics.jacobian(torch.full_like(x, 0.5)), 2)
    assert float(norm) == pytest.approx(1, rel=1e-6)
    with torch.no_grad():
        *_, found = gauss_newton(y, physics, x.shape, 0.001)
    assert float((found - x).norm() / (x - 0.5).norm()) < 0.5


def test_its_noise_is_what_is_not_linear_in_the_currents(archive):
    folder, _ = archive
    currents, _, u = tanks.read(folder / "datamat_2_1.mat")
    added = NOISE * np.abs(u).mean()
    assert 0.3 * added < tanks.unexplained(u, currents) < 3 * added
    assert tanks.unexplained(u[:15], currents[:, :15]) == 0
    assert float(problem(folder).observe(0).physics.noise_model.sigma) > 0


def test_nobody_knows_its_truth(archive):
    folder, x = archive
    truth, observation = problem(folder).judged(0)
    assert truth.isnan().all()
    scores = judge(Reconstruction(x), truth, observation)
    for metric in ("psnr", "ssim", "relative_error", "coverage_90"):
        assert np.isnan(scores[metric])
    assert scores["residual"] < 0.03
    spread = judge(Reconstruction(x, torch.ones_like(x)), truth, observation)
    assert np.isnan(spread["coverage_90"])
    assert "reconstruction" in json.loads(gallery(x, truth, observation))


def test_the_empty_tank_belongs_to_an_image(archive):
    folder, _ = archive
    files = tanks.KIT4.parts(folder / "datamat_2_1.mat")
    assert [p.name for p in files] == ["datamat_2_1.mat", "datamat_1_0.mat"]


def test_what_is_missing_or_wrong_is_said_in_one_sentence(archive):
    folder, _ = archive
    with pytest.raises(ValueError, match="16 electrodes and not 8: use electrodes=16"):
        problem(folder, electrodes=8).observe(0)
    path, empty = (folder / f"datamat_{name}.mat" for name in ("2_1", "1_0"))
    content = empty.read_bytes()
    found = loadmat(empty)
    for change, words in (
        ({"Uel": found["Uel"][:, :5]}, r"voltages \(16, 5\) and finite ones"),
        ({"CurrentPattern": 2 * found["CurrentPattern"]}, "other currents"),
        ({"Uel": found["Uel"][::-1]}, "explains the empty tank"),
    ):
        fields = {key: found[key] for key in tanks.FIELDS}
        savemat(empty, fields | change)
        with pytest.raises(ValueError, match=words):
            problem(folder).observe(0)
    empty.write_bytes(content)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="cannot be read .* download it again"):
        problem(folder).observe(0)
    empty.unlink()
    path.write_bytes(content)
    with pytest.raises(ValueError, match="datamat_1_0.mat cannot be read"):
        problem(folder).observe(0)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="or use images=inclusions"):
        problem(folder)


def test_measured_tanks_run(suite, archive):
    folder, _ = archive
    point_at(suite, folder, "kit4")
    settings = f"images=kit4,n_images=1,size={SIDE}"
    rows = suite.run(
        *("-s", "linearised[weight=0.01]", "-d", f"eit[{settings}]"),
    )
    assert len(rows) == 1 and rows["objective_psnr"].isna().all()
    assert rows["objective_residual"].notna().all()
