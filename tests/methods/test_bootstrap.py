"""The bootstrap, the spread of samples, and the factor that corrects a spread."""

from types import SimpleNamespace

import deepinv as dinv
import pytest
import torch

from benchmark_inverse_problems.judge.case import Case
from benchmark_inverse_problems.judge.reconstruction import Estimate, as_estimate
from benchmark_inverse_problems.methods.bootstrap import (
    TRANSFORMS,
    bootstrap,
    transforms,
)
from benchmark_inverse_problems.methods.sampling import (
    combined,
    repeated,
    side_by_side,
)
from benchmark_inverse_problems.physics.noise import noisy
from benchmark_inverse_problems.solving.tuning import cases

from ..small import OPERATORS, measured, picture
from ..test_plugins import SOLVERS
from ..tiny import tiny_problem


def identity(y, physics):
    return y


@pytest.mark.parametrize("shape", [(1, 3, 12, 12), (1, 1, 10, 14)])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_are_undone(name, shape):
    """Without noise a method that is right finds its estimate again, whatever T is."""
    physics = dinv.physics.Denoising(dinv.physics.GaussianNoise(0.0))
    y = torch.rand(shape, generator=torch.manual_seed(0))
    found = bootstrap(y, physics, identity, transform=name, samples=20)
    assert torch.equal(found.x_hat, y)
    assert found.spread.max() == 0 and found.errors == [0.0] * 20


@pytest.mark.parametrize(("name", "least"), [("none", 1), ("flips", 8), ("shifts", 12)])
def test_transforms_differ(name, least):
    """A square has eight flips and turns; shifts are more."""
    x = torch.arange(144.0).view(1, 1, 12, 12)
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(100):
        image = x
        for part in transforms(name, x.shape, generator):
            image = part(image)
        assert image.flatten().sort().values.equal(x.flatten())
        seen.add(tuple(image.flatten().tolist()))
    assert len(seen) == least if name != "shifts" else len(seen) >= least


def test_the_spread_is_that_of_the_noise():
    """y itself is the best guess without a prior: its error is the noise."""
    physics = dinv.physics.Denoising(dinv.physics.GaussianNoise(0.1))
    y = picture(32, 32)
    torch.manual_seed(0)
    found = bootstrap(y, physics, identity, samples=200)
    assert found.spread.mean() == pytest.approx(0.1, rel=0.02)
    twice = bootstrap(y, physics, identity, samples=200, factor=2.0)
    assert twice.spread.mean() == pytest.approx(0.2, rel=0.02)
    assert sum(twice.errors) / 200 == pytest.approx(0.04, rel=0.05)


def test_the_null_space_is_seen_with_transforms_only():
    """A keeps the left half; the method fills the right one with its mean."""
    mask = torch.ones(1, 1, 16, 16)
    mask[..., 8:] = 0
    noise = dinv.physics.GaussianNoise(1e-4)
    physics = dinv.physics.Inpainting((1, 16, 16), mask=mask, noise_model=noise)

    def fill(y, physics):
        return torch.where(physics.mask > 0, y, y.sum() / physics.mask.sum())

    ramp = torch.linspace(0, 1, 16).view(1, 1, 16, 1).expand(1, 1, 16, 16)
    y = physics.A(ramp)
    torch.manual_seed(0)
    unseen = {
        name: bootstrap(y, physics, fill, name).spread[..., 8:].mean()
        for name in ("none", "flips")
    }
    assert unseen["none"] < 1e-3 < 0.05 < unseen["flips"]


@pytest.mark.parametrize("name", OPERATORS)
def test_new_measurements_have_the_noise_of_the_operator(name):
    x, y, physics, _ = measured(name)
    torch.manual_seed(0)
    again = noisy(physics, x - x.min() - 0.1)  # also where A x is negative
    assert again.shape == y.shape and again.isfinite().all()
    if name == "inpainting":
        assert (again * (physics.mask == 0)).abs().max() == 0


def test_unknown_transform():
    with pytest.raises(ValueError, match="transform=turns is not known"):
        transforms("turns", (1, 1, 8, 8), None)


def test_the_spread_of_samples_holds_for_one_more():
    """The truth is one more draw of the law of the samples."""
    generator = torch.manual_seed(0)
    truth = torch.randn(1, 1, 64, 64, generator=generator)
    samples = [torch.randn(1, 1, 64, 64, generator=generator) for _ in range(4)]
    found = combined(samples)
    error = (found.x_hat - truth).square().mean()
    assert found.spread.square().mean() == pytest.approx(float(error), rel=0.1)
    assert sum(found.errors) / 4 == pytest.approx(float(error), rel=0.1)
    assert combined(samples[:1]) is samples[0]


def test_samplers_repeat():
    def sample(y, physics):
        return y + torch.randn_like(y)

    def iterates(y, physics):
        yield y
        yield sample(y, physics)

    y = torch.zeros(1, 1, 8, 8)
    assert isinstance(repeated(sample, 3)(y, None), Estimate)
    assert isinstance(repeated(sample, 1)(y, None), torch.Tensor)
    start, end = side_by_side(iterates, 3)(y, None)
    assert start.spread.max() == 0 and end.spread.min() > 0
    assert len(end.errors) == 3
    assert torch.equal(next(side_by_side(iterates, 1)(y, None)), y)


@pytest.mark.parametrize("solver", ["dps", "pigdm", "ddrm", "diffpir"])
def test_samplers_give_a_spread(solver):
    problem = tiny_problem("denoise")
    settings = SOLVERS[solver].test_config | {"repetitions": 2, "steps": 3}
    chosen = SOLVERS[solver].get_instance(**settings)
    chosen.use_machine()
    chosen.settle(problem.task, None)
    reconstruct = chosen.reconstructor(problem.observe(0), **chosen.values)
    with torch.no_grad():
        observation = problem.observe(0)
        found = as_estimate(reconstruct(observation.y, observation.physics))
    assert len(found.errors) == 2 and found.spread.min() > 0


def test_calibrated_intervals_are_wide_enough_for_each_tuning_image():
    problem = tiny_problem("denoise")
    chosen = SOLVERS["ram_bootstrap"].get_instance(calibration="tuned", samples=3)
    chosen.use_machine()
    entry = chosen.search(problem.tuning)
    assert entry["values"]["calibration"] > 1 and entry["trials"] == 1
    assert entry["weights"].keys() == {"ram"}
    for factor in (entry["values"]["calibration"], "none"):
        method = chosen.build(
            problem.observe(0), weights="bundled", samples=3, calibration=factor
        )
        found = list(cases(method, problem.tuning, torch.device("cpu")))
        least = min(case.coverage(0.9) for case in found)
        if factor == "none":
            assert least < 0.8
        else:
            assert least == pytest.approx(0.9, abs=0.005)


def test_a_spread_of_zero_cannot_be_calibrated():
    chosen = SOLVERS["ram_bootstrap"].get_instance(calibration="tuned")
    chosen.use_machine()
    problem = tiny_problem("sr_matlab")

    def build(calibration):
        def reconstruct(y, physics):
            x = physics.A_adjoint(y)
            return Estimate(x, torch.zeros_like(x))

        return reconstruct

    with pytest.raises(ValueError, match="no factor corrects that"):
        chosen.best(build, problem.tuning, 0)


def test_no_error_and_no_spread_is_right():
    x = torch.tensor([[[[0.0, 1.0]]]])
    found = Estimate(x + torch.tensor([0.0, 1.0]), torch.zeros_like(x))
    observation = SimpleNamespace(complex=False, physics=None)
    assert Case(found.x_hat, x, observation, found).error_ratios().tolist() == [
        0.0,
        float("inf"),
    ]
