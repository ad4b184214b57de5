"""FiRe-HQS with restoration models whose fixed points are known."""

import deepinv as dinv
import pytest
import torch
from deepinv.physics import Denoising

from benchmark_inverse_problems.methods.dpir import turn
from benchmark_inverse_problems.methods.fire import fire_hqs, prior_step
from benchmark_inverse_problems.methods.restoration_models import restoration_models
from benchmark_inverse_problems.physics.initial_estimate import initial_estimate
from benchmark_inverse_problems.physics.proximal import data_prox

from ..small import OPERATORS, measured, noisy, picture
from ..test_plugins import SOLVERS
from ..tiny import tiny_problem

SIGMA = 0.1


class Constants:
    """A restorer that returns another flat image at each call and keeps its inputs."""

    def __init__(self):
        self.inputs = []

    def __call__(self, x, physics):
        self.inputs.append(x)
        return torch.full_like(x, len(self.inputs) / 10)


def problem():
    """A denoising problem: its prox is a weighted mean."""
    x = picture(12, 17)
    return noisy(x, SIGMA), Denoising(dinv.physics.GaussianNoise(SIGMA))


def estimates(*arguments, **settings):
    return [x.clone() for x in fire_hqs(*arguments, **settings)]


@pytest.mark.parametrize("name", ["blur", "sr4", "inpainting", "tomography"])
def test_it_minimises_the_data_term_and_the_distances_to_the_priors(name):
    """Models that project onto a point c_n: lambda f + sum_n gamma_n / 2 |x - c_n|^2."""
    x, y, physics, _ = measured(name)
    points = [torch.zeros_like(x), torch.ones_like(x)]
    models = [lambda z, _, c=c: c for c in points]
    gammas, sigma = [0.3, 0.5], physics.noise_model.sigma.item()
    lambda_ = sigma**2 * 3  # the paper's lambda is 3
    settings = {"iterations": 60, "average": 0.0, "error": None}
    *_, found = fire_hqs(y, physics, models, gammas, lambda_, **settings)
    gradient = 3 * physics.A_adjoint(physics.A(found) - y)
    for gamma, point in zip(gammas, points, strict=True):
        gradient = gradient + gamma * (found - point)
    assert gradient.norm() < 1e-3 * found.norm()


def test_strength_scales_the_errors():
    y, physics = problem()
    half, scaled = (
        estimates(y, physics, [Constants()], [1.0], lambda_, **settings)
        for lambda_, settings in [
            (0.04, {"error": 0.02, "strength": 0.5}),
            (0.01, {"error": 0.01}),
        ]
    )
    for found, expected in zip(half, scaled, strict=True):
        torch.testing.assert_close(found, expected)


def test_without_a_prior_it_fits_the_measurements():
    _, y, physics, _ = measured("sr4")
    models = [lambda z, _: z]
    *_, found = fire_hqs(y, physics, models, [1.0], 0.1, iterations=30, error=None)
    assert (physics.A(found) - y).norm() < 1e-3 * y.norm()


def test_the_first_estimate_is_the_initial_one_and_the_rest_one_an_iteration():
    y, physics = problem()
    found = estimates(y, physics, [Constants()], [1.0], 0.01, iterations=5)
    assert len(found) == 6
    assert torch.equal(found[0], initial_estimate(physics, y))


@pytest.mark.parametrize(
    ("average", "mean"), [(0.0, 1.0), (0.5, 0.8), (0.7, 0.7), (1.0, 0.55)]
)
def test_the_last_iterations_are_averaged(average, mean):
    y, physics = problem()
    settings = {"iterations": 10, "average": average, "error": 0.2}
    *_, found = fire_hqs(y, physics, [Constants()], [1.0], 0.01, **settings)
    prox, _ = data_prox(physics, y)
    torch.testing.assert_close(
        found, prox(torch.full_like(y, mean), (0.2 / SIGMA) ** 2)
    )


def test_without_an_error_it_is_the_mean_of_the_iterates():
    y, physics = problem()
    settings = {"iterations": 6, "error": None}
    iterates = estimates(y, physics, [Constants()], [1.0], 0.01, average=0, **settings)
    *_, found = fire_hqs(
        y, physics, [Constants()], [1.0], 0.01, average=0.5, **settings
    )
    torch.testing.assert_close(found, torch.stack(iterates[-3:]).mean(0))


@pytest.mark.parametrize("feedback", [False, True])
def test_feedback_goes_on_from_the_average(feedback):
    y, physics = problem()
    model = Constants()
    settings = {"iterations": 4, "average": 1.0, "feedback": feedback}
    estimates(y, physics, [model], [1.0], 0.01, **settings)
    prox, _ = data_prox(physics, y)
    # After three iterations the models said 0.1, 0.2, 0.3.
    level = 0.2 if feedback else 0.3
    expected = prox(torch.full_like(y, level), 0.01 / SIGMA**2)
    torch.testing.assert_close(model.inputs[3], expected)


def test_shifts_are_undone_after_the_models():
    x, model = picture(20, 30), Constants()
    torch.manual_seed(0)

    def halved(z, physics):
        model(z, physics)
        return z / 2

    for _ in range(4):
        moved = prior_step(x, None, [halved], [1.0], shift=0.5)
        torch.testing.assert_close(moved, x / 2)
    prior_step(x, None, [halved], [1.0])
    *shifted, last = model.inputs
    assert torch.equal(last, x)
    assert sum(torch.equal(z, x) for z in shifted) < 2
    for z in shifted:
        torch.testing.assert_close(z.sort(-1)[0].sum(), x.sum())
        assert any(
            torch.equal(torch.roll(x, (i, j), (-2, -1)), z)
            for i in range(-10, 11)
            for j in range(-15, 16)
        )


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator(name):
    x, y, physics, _ = measured(name)
    models = [lambda z, _: 0.9 * z, lambda z, _: z.clamp(0, 1)]
    *_, found = fire_hqs(y, physics, models, [0.5, 0.5], 0.01, iterations=3)
    assert found.shape == x.shape and found.isfinite().all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gammas": [1.0]}, "one gamma a model, got 1 for 2"),
        ({"iterations": 0}, "at least one iteration, got 0"),
        ({"average": 1.5}, "share to average must be in .*, got 1.5"),
        ({"lambda_": 0}, "lambda_ must be positive, got 0"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    arguments = {"models": [Constants()] * 2, "gammas": [0.5] * 2, "lambda_": 0.01}
    with pytest.raises(ValueError, match=message):
        estimates(*problem(), **arguments | settings)


def test_turns_are_undone_after_the_models():
    x, model = picture(20, 30), Constants()
    torch.manual_seed(0)

    def halved(z, physics):
        model(z, physics)
        return z / 2

    for _ in range(12):
        found = prior_step(x, None, [halved], [1.0], turned=True)
        torch.testing.assert_close(found, x / 2)
    turns = [turn(x, k)[0] for k in range(8)]
    seen = {k for z in model.inputs for k, t in enumerate(turns) if is_equal(z, t)}
    assert len(seen) > 4
    assert all(any(is_equal(z, t) for t in turns) for z in model.inputs)


def is_equal(a, b):
    return a.shape == b.shape and torch.equal(a, b)


def test_the_noise_falls_until_the_averaging_begins():
    y, physics = problem()
    factors = []

    def model(x, physics, factor=1.0):
        factors.append(factor)
        return x

    estimates(y, physics, [model], [1.0], 0.04, iterations=8, average=0.5, fall=16.0)
    assert factors == pytest.approx([16, 8, 4, 2, 1, 1, 1, 1])
    factors.clear()
    estimates(y, physics, [model], [1.0], 0.04, iterations=4)
    assert factors == [1.0] * 4


def test_a_factor_scales_the_noise_of_a_degradation():
    example = tiny_problem("denoise").observe(0)
    solver = SOLVERS["fire_hqs"].get_instance(weights="bundled")
    solver.use_machine()
    (model,) = restoration_models("denoiser", "bundled", example, solver, 0.5)
    levels = []
    for factor in (1.0, 3.0):
        torch.manual_seed(0)
        levels.append(float(model.draw(example.y, factor=factor).noise_model.sigma))
    assert levels[1] == pytest.approx(3 * levels[0])
