"""Operators with a gradient: their Jacobians, Gauss-Newton, and scattering."""

import deepinv as dinv
import numpy as np
import pytest
import torch

from benchmark_inverse_problems.methods import nonlinear
from benchmark_inverse_problems.methods.dpir import half_quadratic_splitting
from benchmark_inverse_problems.methods.total_variation import (
    gradient,
    total_variation,
)
from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.physics.derivatives import (
    jacobian,
    jacobian_adjoint,
    jacobian_times,
)
from benchmark_inverse_problems.physics.facts import image_shape
from benchmark_inverse_problems.physics.needs import offers
from benchmark_inverse_problems.physics.proximal import data_prox
from benchmark_inverse_problems.problems.images import reduced
from benchmark_inverse_problems.problems.reading import Images

from ..small import picture
from ..tiny import tiny_problem

SIDE = 16


class Cube(dinv.physics.Physics):
    """y = x + a x^3, whose Jacobian is diagonal."""

    def __init__(self, a=1.0):
        super().__init__(noise_model=dinv.physics.GaussianNoise(0.01))
        self.a = a

    def A(self, x, **_):
        return x + self.a * x**3


image_shape.register(Cube, lambda physics, y: tuple(y.shape))


@pytest.fixture(scope="module")
def waves():
    settings = {"contrast": 0.4, "transmitters": 4, "receivers": 8}
    return OPERATORS["scattering"]((1, SIDE, SIDE), None, **settings)


def disc(height=1.0):
    n = torch.linspace(-1, 1, SIDE)
    return height * (n[:, None] ** 2 + n**2 < 0.3).float()[None, None]


def test_derivatives_of_a_cube():
    x, u = torch.rand(2, 1, 1, 5, 6, generator=torch.manual_seed(0))
    expected = (1 + 3 * x**2) * u
    torch.testing.assert_close(jacobian_times(Cube(), x, u), expected)
    torch.testing.assert_close(jacobian_adjoint(Cube(), x, u), expected)
    times, adjoint = jacobian(Cube(), x)
    torch.testing.assert_close(times(u), expected)
    torch.testing.assert_close(adjoint(u), expected)
    assert jacobian_times(Cube(), x, 0 * u).abs().max() == 0
    assert not x.requires_grad


def test_the_jacobian_of_scattering_is_its_derivative(waves):
    generator = torch.manual_seed(0)
    x = torch.rand(1, 1, SIDE, SIDE, generator=generator, dtype=torch.float64)
    u = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    y = waves.A(x)
    assert y.shape == (1, 2, 4, 8)
    v = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    times, adjoint = jacobian(waves, x)
    seen = times(u)
    difference = seen - jacobian_times(waves, x, u)
    assert difference.norm() < 0.01 * seen.norm()
    back = adjoint(v)
    assert (back - jacobian_adjoint(waves, x, v)).norm() < 0.01 * back.norm()
    assert float((seen * v).sum()) == pytest.approx(float((u * back).sum()), rel=1e-6)
    assert waves.A(x.float()).dtype == torch.float32


def test_scattering_is_not_linear_and_of_norm_one(waves):
    x = disc()
    weak, strong = waves.A(0.01 * x), waves.A(x)
    assert (strong - 100 * weak).norm() > 0.2 * strong.norm()
    matrix = waves.jacobian(torch.zeros(1, 1, SIDE, SIDE))
    assert torch.linalg.matrix_norm(matrix, 2) == pytest.approx(1, rel=1e-6)
    offered = offers(waves, (1, 1, SIDE, SIDE))
    others = {"known operator", "phases", "2d", "real"}
    assert offered == {"differentiable", "not linear"} | others
    with pytest.raises(
        ValueError, match="gray square images and got 1 channels of 8x9"
    ):
        OPERATORS["scattering"](
            (1, 8, 9), None, contrast=1, transmitters=2, receivers=2
        )


@pytest.mark.parametrize("name", nonlinear.PRIORS)
def test_the_quadratic_touches_the_prior(name):
    prior = nonlinear.PRIORS[name](0.3)
    x = torch.rand(1, 1, 6, 7, generator=torch.manual_seed(0), dtype=torch.float64)
    x.requires_grad_()
    size = (gradient(x.detach()).square().sum(0) + nonlinear.SMOOTH**2).sqrt()
    if name == "tikhonov":
        value = 0.15 * x.square().sum()
    else:
        parts = [x.diff(dim=axis) for axis in (2, 3)]
        rows = torch.nn.functional.pad(parts[0], (0, 0, 0, 1))
        columns = torch.nn.functional.pad(parts[1], (0, 1))
        value = 0.3 * (rows**2 + columns**2 + nonlinear.SMOOTH**2).sqrt().sum()
        assert float(value) == pytest.approx(0.3 * float(size.sum()))
    assert prior.value(x.detach()) == pytest.approx(float(value))
    (slope,) = torch.autograd.grad(value, x)
    torch.testing.assert_close(prior.quadratic(x.detach())(x.detach()), slope)
    with pytest.raises(ValueError, match="prior=l0 is not known"):
        nonlinear.weighted("l0", 1, Cube(), x)


@pytest.mark.parametrize("prior", nonlinear.PRIORS)
def test_gauss_newton_lowers_its_objective_to_a_stationary_point(prior):
    physics = Cube()
    x = picture(16, 16, 1)
    y = physics.A(x)
    estimates = list(
        nonlinear.gauss_newton(y, physics, x.shape, 0.1, prior, iterations=40)
    )
    term = nonlinear.PRIORS[prior](0.1 * 0.01)
    values = [
        float((physics.A(e) - y).square().sum()) / 2 + term.value(e) for e in estimates
    ]
    assert all(b < a for a, b in zip(values, values[1:], strict=False))
    last = estimates[-1]
    slope = jacobian_adjoint(physics, last, physics.A(last) - y)
    slope = slope + term.quadratic(last)(last)
    assert slope.abs().max() < 1e-3
    assert (last - x).square().mean().sqrt() < 0.05


def test_gauss_newton_ends_where_nothing_is_gained():
    physics = Cube()
    zero = torch.zeros(1, 1, 8, 8)
    assert len(list(nonlinear.gauss_newton(zero, physics, zero.shape, 1.0))) == 1


def test_linear_operators_need_one_step():
    """Without a cube and with a quadratic prior the linear part is all there is."""
    physics = Cube(a=0.0)
    y = torch.rand(1, 1, 8, 8)
    found = nonlinear.linearised(y, physics, y.shape, 2.0)
    torch.testing.assert_close(found, y / 1.02, rtol=1e-3, atol=1e-4)


def test_weak_measurements_are_no_worse():
    """The floor of deepinv's conjugate gradients is larger than their squares."""
    physics = dinv.physics.LinearPhysics(
        A=lambda x, **_: 1e-3 * x, A_adjoint=lambda y, **_: 1e-3 * y
    )
    physics.noise_model = dinv.physics.GaussianNoise(0.01)
    y = 1e-3 * torch.rand(1, 1, 8, 8, generator=torch.manual_seed(0))
    found = nonlinear.linearised(y, physics, y.shape, 1e-4)
    torch.testing.assert_close(found, 500 * y)


def test_the_proximal_operator_is_a_gauss_newton_step():
    physics, gamma = Cube(), 4.0
    y, z = torch.rand(2, 1, 1, 8, 8, generator=torch.manual_seed(0))
    prox, exact = data_prox(physics, y)
    slope = 1 + 3 * z**2
    step = slope * (y - physics.A(z)) / (slope**2 + 1 / gamma)
    torch.testing.assert_close(prox(z, gamma), z + step)
    assert not exact
    # That of a linear operator is exact.
    prox, _ = data_prox(Cube(a=0.0), y)
    torch.testing.assert_close(prox(z, gamma), (y + z / gamma) / (1 + 1 / gamma))


def test_a_denoiser_is_a_prior_of_any_operator():
    """Splitting with a denoiser is closer to the truth than its first estimate."""
    physics = Cube()
    physics.noise_model.sigma = torch.tensor(0.1)
    x = picture(24, 24, 1)
    noise = torch.randn(x.shape, generator=torch.manual_seed(0))
    y = physics.A(x) + 0.1 * noise

    def denoiser(x, level):
        return total_variation(x, dinv.physics.Denoising(), level, max_iter=20)

    first, *_, last = half_quadratic_splitting(y, physics, denoiser, last=2.0)
    torch.testing.assert_close(first, data_prox(physics, y)[0](0 * x, 0.25))
    assert (last - x).norm() < 0.8 * (first - x).norm()


def test_variation_is_that_of_linear_operators():
    physics = dinv.physics.Denoising(dinv.physics.GaussianNoise(0.1))
    y = picture(16, 16, 1)
    found = nonlinear.variation_of_any(y, physics, y.shape, 0.5, tolerance=1e-5)
    expected = total_variation(y, physics, 0.05)
    assert (found - expected).norm() < 0.12 * (y - expected).norm()
    coarse = nonlinear.variation_of_any(y, physics, y.shape, 0.5, tolerance=1.0)
    first = list(nonlinear.gauss_newton(y, physics, y.shape, 0.5))[1]
    assert torch.equal(coarse, first)


def test_methods_start_from_the_background():
    observation = tiny_problem("eit").observe(0)
    y, physics, shape = observation.y, observation.physics, observation.shape
    for method in (nonlinear.gauss_newton, nonlinear.gradient_descent):
        first = next(method(y, physics, shape, 0.01))
        assert (first == 0.5).all()
    strong = nonlinear.linearised(y, physics, shape, 1e6)
    assert (strong - 0.5).abs().max() < 1e-3


def test_iterations_beat_the_linear_part(waves):
    x = disc()
    waves.noise_model = dinv.physics.GaussianNoise(1e-3)
    y = waves.A(x) + 1e-3 * torch.randn(1, 2, 4, 8, generator=torch.manual_seed(0))

    def error(found):
        return float((found - x).norm() / x.norm())

    born = min(
        error(nonlinear.linearised(y, waves, x.shape, w)) for w in (0.1, 1.0, 10.0)
    )
    *_, newton = nonlinear.gauss_newton(y, waves, x.shape, 0.05)
    *_, descent = nonlinear.gradient_descent(y, waves, x.shape, 0.05, iterations=60)
    assert error(newton) < 0.75 * born
    assert error(descent) < 0.9 * born


def test_objects_are_means_over_blocks():
    image = torch.arange(24.0 * 20).view(1, 1, 24, 20)
    found = reduced(Images(["a"], lambda index: image), 5)[0][1]
    expected = image[:, :, 2:22].view(1, 1, 5, 4, 5, 4).mean((3, 5))
    torch.testing.assert_close(found, expected)
    problem = tiny_problem("scattering")
    assert problem.truth(0).shape == (1, 1, 16, 16)
    assert problem.tuning.truth(0).shape == (1, 1, 16, 16)
    assert np.isfinite(float(problem.observe(0).y.sum()))
