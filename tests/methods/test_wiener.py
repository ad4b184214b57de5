"""The posterior of Gaussian fields: what is exact is checked by statistics."""

import numpy as np
import pytest
import torch
from benchopt.benchmark import Benchmark
from deepinv.physics import GaussianNoise

from benchmark_inverse_problems.judge.case import Case
from benchmark_inverse_problems.methods.wiener import (
    FLOOR,
    LAWS,
    Posterior,
    estimated,
    wiener,
)
from benchmark_inverse_problems.physics.facts import squared_transfer
from benchmark_inverse_problems.physics.gaussian_field import (
    DEVIATION,
    FIELD,
    MEAN,
    field,
    multiply,
    spectrum,
)
from benchmark_inverse_problems.physics.kernels import gaussian_kernel
from benchmark_inverse_problems.physics.operators.blur import circular_blur
from benchmark_inverse_problems.physics.operators.denoising import denoising

from ..conftest import ROOT
from ..small import noisy, picture, psnr
from ..tiny import dataset

TASKS = ("denoise", "deblur", "sr", "inpaint", "cs")


def problem(task, n_images, size=32):
    cls = dataset("gaussian_field")
    return cls.get_instance(task=task, n_images=n_images, size=size).get_data()[
        "problem"
    ]


def test_fields_have_their_mean_and_their_spectrum():
    white = torch.randn(400, 1, 16, 20, generator=torch.manual_seed(0))
    images = field(white)
    values = spectrum((16, 20))
    assert float(values.mean()) == pytest.approx(DEVIATION**2, rel=1e-4)
    assert float(images.mean()) == pytest.approx(MEAN, abs=0.01)
    power = torch.fft.fftn(images - MEAN, dim=(2, 3)).abs().square().mean((0, 1)) / 320
    torch.testing.assert_close(power / values, torch.ones(16, 20), rtol=0.35, atol=0)


def test_denoising_is_a_product_in_frequency():
    (observation,) = problem("denoise", 1).observations
    sigma = float(observation.physics.noise_model.sigma)
    values = spectrum((32, 32))
    expected = MEAN + multiply(observation.y - MEAN, values / (values + sigma**2))
    torch.testing.assert_close(
        wiener(observation.y, observation.physics), expected, rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("task", TASKS)
def test_the_mean_solves_its_equations(task):
    (observation,) = problem(task, 1).observations
    physics, y = observation.physics, observation.y
    sigma = float(physics.noise_model.sigma)
    x = wiener(y, physics)
    gradient = physics.A_adjoint(physics.A(x) - y) / sigma**2
    prior = multiply(x - MEAN, 1 / spectrum(x.shape[2:]))
    assert float((gradient + prior).norm() / prior.norm()) < 0.02


@pytest.mark.parametrize("task", ["denoise", "deblur", "inpaint"])
def test_the_intervals_hold_what_they_should(task):
    """Exact samples: coverage is nominal within what their number allows."""
    judged = problem(task, 6)
    rows = []
    for index, observation in enumerate(judged.observations):
        torch.manual_seed(index)
        found = wiener(observation.y, observation.physics, samples=60)
        case = Case(found.x_hat, judged.truth(index), observation, found)
        rows.append([case.coverage(0.5), case.coverage(0.9), case.psnr_bias()])
    half, most, bias = np.mean(rows, 0)
    # Neighbours are correlated: an image is worth tens of independent numbers.
    assert half == pytest.approx(0.5, abs=0.06)
    assert most == pytest.approx(0.9, abs=0.04)
    assert bias == pytest.approx(0, abs=0.6)


def test_another_prior_is_worse():
    judged = problem("denoise", 4)
    errors = {}
    for deviation in (0.05, DEVIATION, 0.5):
        squares = [
            (wiener(o.y, o.physics, deviation) - judged.truth(i)).square().mean()
            for i, o in enumerate(judged.observations)
        ]
        errors[deviation] = float(torch.stack(squares).mean())
    assert min(errors, key=errors.get) == DEVIATION


def test_measurements_without_noise_are_solved():
    (observation,) = problem("inpaint", 1).observations
    physics = observation.physics
    physics.noise_model.sigma = torch.tensor(0.0)
    x = field(torch.randn(1, 1, 32, 32, generator=torch.manual_seed(0)))
    y = physics.A(x)
    found = Posterior(physics, x, FLOOR, DEVIATION).mean(y)
    torch.testing.assert_close(wiener(y, physics), found)
    assert float((physics.A(found) - y).abs().max()) < 0.02


def photograph(sigma, std=None):
    """A picture, and measurements of it: noisy, or also blurred."""
    x = picture(48, 56, 1)
    physics = (
        circular_blur(x.shape[1:], gaussian_kernel(std))
        if std
        else denoising(x.shape[1:], None)
    )
    physics.noise_model = GaussianNoise(sigma)
    return x, noisy(physics.A(x), sigma), physics


@pytest.mark.parametrize(("sigma", "std"), [(0.1, None), (0.02, 1.5)])
def test_the_estimated_spectrum_is_better_for_photographs(sigma, std):
    x, y, physics = photograph(sigma, std)
    scores = {law: psnr(wiener(y, physics, law=law), x) for law in LAWS}
    assert scores["estimated"] > max(scores["field"], psnr(y, x)) + 0.05


@pytest.mark.parametrize("task", ["denoise", "deblur"])
def test_the_estimated_law_is_that_of_the_field(task):
    (observation,) = problem(task, 1, size=64).observations
    law = estimated(observation.y, observation.physics)
    seen = spectrum((64, 64), law.deviation, law)[1:9, 1:9].log()
    true = spectrum((64, 64))[1:9, 1:9].log()
    # The power varies by a factor of two or so where the signal is above the noise.
    assert float((seen - true).abs().mean()) < 0.6
    best = wiener(observation.y, observation.physics)
    close = wiener(observation.y, observation.physics, law="estimated")
    assert float((best - close).norm() / (best - MEAN).norm()) < 0.1


def test_other_operators_have_the_fields_law():
    (observation,) = problem("inpaint", 1).observations
    assert estimated(observation.y, observation.physics) is FIELD
    one, other = (wiener(observation.y, observation.physics, law=law) for law in LAWS)
    assert torch.equal(one, other)


def test_the_transfer_is_the_spectrum_of_the_normal_operator():
    for std in (None, 1.5):
        x, _, physics = photograph(0.1, std)
        expected = physics.A_adjoint(physics.A(x))
        found = multiply(x, squared_transfer(physics, x.shape))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_tuning_finds_the_fields_own_law():
    """On the tuning images of the problem the exact spectrum wins."""
    found = problem("denoise", 1)
    solver = next(s for s in Benchmark(ROOT).get_solvers() if s.name == "wiener")
    solver = solver.get_instance()
    solver.use_machine()
    entry = solver.search(found.tuning)
    assert entry["values"] == {"spectrum": "field"}
    assert entry["trials"] == 2


def test_unknown_law():
    _, y, physics = photograph(0.1)
    with pytest.raises(
        ValueError, match="spectrum=flat is not known: use one of field"
    ):
        wiener(y, physics, law="flat")
