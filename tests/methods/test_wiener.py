"""The posterior of Gaussian fields: what is exact is checked by statistics."""

import numpy as np
import pytest
import torch

from benchmark_inverse_problems.judge.case import Case
from benchmark_inverse_problems.methods.wiener import FLOOR, Posterior, wiener
from benchmark_inverse_problems.physics.gaussian_field import (
    DEVIATION,
    MEAN,
    field,
    multiply,
    spectrum,
)

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
