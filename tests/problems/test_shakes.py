"""Measured camera shake: stand-in files of the data set's format, and its rule."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from benchmark_inverse_problems.judge.case import Case, judge
from benchmark_inverse_problems.judge.pictures import gallery
from benchmark_inverse_problems.judge.reconstruction import Reconstruction
from benchmark_inverse_problems.physics.facts import compared
from benchmark_inverse_problems.physics.operators.camera_shake import CameraShake
from benchmark_inverse_problems.problems import shakes
from benchmark_inverse_problems.problems.images import open_images
from benchmark_inverse_problems.problems.problem import Problem, Task
from benchmark_inverse_problems.report.pictures import from_png

from .test_images import error_of, point_at

SIDE, STEPS, NOISE = 64, 11, 0.02
TASK = Task(
    "random_varying_blur",
    {"length_scale": 0.6, "std": 0.5},
    sigma=0.02,
    told={"unknown": True},
    known=False,
)


PICTURE = astronaut()


def scene(step):
    """The scene, as the camera sees it at one moment of its path."""
    return PICTURE[40 + step // 2 : 40 + step // 2 + SIDE, 190 + step :][:, :SIDE]


@pytest.fixture
def folder(tmp_path):
    """Two photographs, each with eleven sharp frames."""
    rng = np.random.RandomState(0)
    for number in (2, 10):
        place = tmp_path / "Image1" / f"Kernel{number}"
        place.mkdir(parents=True)
        frames = [scene(number + step) for step in range(STEPS)]
        for step, frame in enumerate(frames, 1):
            Image.fromarray(frame).save(place / f"GroundTruth1_{number}_{step}.png")
        blurred = np.mean(frames, 0) + 255 * NOISE * rng.standard_normal(
            (SIDE, SIDE, 3)
        )
        pixels = blurred.round().clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"Blurry1_{number}.png")
    return tmp_path


def problem(folder, side="none"):
    images = open_images("kohler", folder, shakes.KOHLER).sized(side)
    return Problem(images, TASK, side)


def test_solvers_are_told_the_family_and_the_noise_only(folder):
    found = problem(folder)
    assert found.images.names == ["Blurry1_2", "Blurry1_10"], "in the set's own order"
    observation = found.observe(0)
    assert not observation.known
    assert not isinstance(observation.physics, CameraShake)
    assert observation.physics.kernel_family == "varying"
    torch.testing.assert_close(observation.physics.A(observation.y), observation.y)
    sigma = float(observation.physics.noise_model.sigma)
    assert sigma == pytest.approx(NOISE, rel=0.4)
    blurred = np.array(Image.open(folder / "Blurry1_2.png")) / 255
    y = observation.y[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(y, blurred, atol=1e-6)
    truth = found.truth(0)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(truth, scene(2 + STEPS // 2) / 255, atol=1e-6)


def tensor(picture):
    return torch.from_numpy(picture / 255).permute(2, 0, 1)[None].float()


def test_an_estimate_is_judged_by_its_closest_frame(folder):
    truth, observation = problem(folder).judged(0)
    assert observation.physics.frames.shape == (STEPS, 3, SIDE, SIDE)
    first = tensor(scene(2))
    for estimate in (first, 0.5 * first):
        scores = judge(Reconstruction(estimate), truth, observation)
        assert scores["psnr"] > 60 and scores["ssim"] > 0.999
        # Nobody knows the operator.
        for metric in ("residual", "psnr_range", "psnr_null", "kernel_error"):
            assert np.isnan(scores[metric])
    blurred = judge(Reconstruction(observation.y), truth, observation)
    assert 15 < blurred["psnr"] < 35
    shown = json.loads(gallery(first, truth, observation))
    np.testing.assert_allclose(from_png(shown["truth"]), scene(2) / 255, atol=0.003)


def test_an_estimate_may_be_moved_by_whole_pixels(folder):
    truth, observation = problem(folder).judged(0)
    moved = torch.zeros_like(truth)
    moved[..., 3:, :-5] = truth[..., :-3, 5:]
    case = Case(moved, truth, observation)
    # The scale is found before the shift, as in the program of the data set.
    scale = float((truth * moved).sum() / moved.square().sum())
    expected = truth.clone()
    expected[..., :-3, 5:] = scale * truth[..., :-3, 5:]
    error = float((case.x_hat - case.x).norm())
    assert error <= float((expected - truth).norm()) + 1e-4


def test_the_rule_is_that_of_the_data_set():
    """Against the definition, frame by frame and shift by shift."""
    rng = np.random.RandomState(0)
    frames = rng.randint(0, 256, (3, 3, 8, 9)).astype(np.uint8)
    frames[2] = np.roll(frames[1], (1, -2), (1, 2))
    z = np.roll(frames[1] / 255, (2, 1), (1, 2)) + 0.05 * rng.standard_normal((3, 8, 9))
    errors = []
    for frame in frames / 255:
        scaled = (frame * z).sum() / (z * z).sum() * z
        shifts = [(a, b) for a in range(-4, 5) for b in range(-4, 5)]

        def similar(shift, frame=frame, scaled=scaled):
            return (np.roll(scaled.mean(0), shift, (0, 1)) * frame.mean(0)).sum()

        a, b = max(shifts, key=similar)
        moved, seen = np.zeros_like(z), np.zeros(z.shape[1:], bool)
        for i in range(8):
            for j in range(9):
                if 0 <= i - a < 8 and 0 <= j - b < 9:
                    moved[:, i, j], seen[i, j] = scaled[:, i - a, j - b], True
        errors.append(((moved - frame) ** 2 * seen).sum())
    physics = CameraShake(torch.from_numpy(frames))
    estimate = torch.from_numpy(z)[None]
    x_hat, x = compared(physics, estimate, estimate)
    assert float((x_hat - x).square().sum()) == pytest.approx(min(errors), rel=1e-6)
    zero = torch.zeros(1, 3, 8, 9)
    x_hat, x = compared(physics, zero, zero)
    assert float(x_hat.square().sum()) == 0 < float(x.square().sum())


def test_a_crop_cuts_the_frames_too(folder):
    truth, observation = problem(folder, 32).judged(0)
    assert truth.shape == observation.y.shape == (1, 3, 32, 32)
    assert observation.physics.frames.shape[2:] == (32, 32)


BAD = {
    "no frames": (
        lambda f: [p.unlink() for p in f.glob("Image1/Kernel2/*")],
        "Blurry1_2.png has no sharp frames: put them into .*Kernel2",
    ),
    "another size": (
        lambda f: Image.fromarray(scene(0)[:40]).save(f / "Blurry1_2.png"),
        "differs in size from its sharp frames: download both again",
    ),
    "damaged": (
        lambda f: (f / "Image1/Kernel2/GroundTruth1_2_4.png").write_bytes(b"no"),
        "GroundTruth1_2_4.png cannot be read",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_photographs_are_one_sentence(folder, kind):
    change, words = BAD[kind]
    change(folder)
    with pytest.raises(ValueError, match=words) as caught:
        problem(folder).judged(0)
    assert "\n" not in str(caught.value)


def test_it_runs(suite, folder):
    point_at(suite, folder, "kohler")
    settings = "images=kohler,family=varying,n_images=2,crop=48"
    rows = suite.run(
        *("-s", "blind_floor[weights=bundled]", "-s", "adjoint"),
        *("-d", f"blind_deblur[{settings}]"),
    )
    assert set(rows.solver_name.str.partition("[")[0]) == {"blind_floor"}
    assert rows.objective_psnr.notna().all() and len(rows) == 2
    assert rows.objective_residual.isna().all()


def test_what_does_not_go_together_is_one_sentence(suite):
    assert suite.run("-s", "blind_floor", "-d", "blind_deblur[images=kohler]") is None
    assert error_of(suite) == (
        "images=kohler of blind_deblur has kernels that vary and are not known: use "
        "family=varying,kernel=unknown."
    )


def test_the_key_holds_the_frames(folder):
    files = shakes.KOHLER.parts(folder / "Blurry1_10.png")
    assert len(files) == 1 + STEPS
    assert files[-1].name == "GroundTruth1_10_11.png"
