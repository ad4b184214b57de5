"""PnP-PGD and RED with a denoiser whose fixed points are known."""

import pytest
import torch
from torch.nn.functional import avg_pool2d, pad

from benchmark_inverse_problems.methods.pnp import pnp_pgd, red
from benchmark_inverse_problems.networks.complex_images import ComplexDenoiser
from benchmark_inverse_problems.physics.initial_estimate import initial_estimate

from ..small import OPERATORS, measured, psnr


class Smoother:
    """Half way to a local mean; remembers how it was called."""

    def __init__(self):
        self.levels, self.channels = set(), set()

    def __call__(self, x, sigma):
        self.levels.add(sigma)
        self.channels.add(x.shape[1])
        return (x + avg_pool2d(pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)) / 2


def last(estimates):
    *_, found = estimates
    return found


@pytest.mark.parametrize("relaxation", [1.0, 0.4])
@pytest.mark.parametrize("name", ["blur", "sr4", "inpainting"])
def test_pnp_pgd_ends_at_its_fixed_point(name, relaxation):
    _, y, physics, _ = measured(name)
    denoiser = Smoother()
    settings = {"level": 0.07, "relaxation": relaxation}
    x = last(pnp_pgd(y, physics, denoiser, iterations=150, **settings))
    step = 16 if name == "sr4" else 1
    z = x - step * physics.A_adjoint(physics.A(x) - y)
    again = relaxation * denoiser(z, 0.07) + (1 - relaxation) * z
    assert (again - x).norm() < 1e-3 * x.norm()
    assert denoiser.levels == {0.07}


@pytest.mark.parametrize("name", ["blur", "sr4", "inpainting"])
def test_red_ends_where_its_gradient_is_zero(name):
    _, y, physics, _ = measured(name)
    denoiser = Smoother()
    x = last(red(y, physics, denoiser, lambda_=0.4, level=0.05, iterations=300))
    weight = 0.4 * (physics.noise_model.sigma.item() / 0.05) ** 2
    data = physics.A_adjoint(physics.A(x) - y)
    prior = weight * (x - denoiser(x, 0.05))
    assert (data + prior).norm() < 1e-2 * prior.norm()
    assert data.norm() > 0


def methods():
    return [
        lambda y, physics, d, k: pnp_pgd(y, physics, d, iterations=k),
        lambda y, physics, d, k: red(y, physics, d, iterations=k),
    ]


@pytest.mark.parametrize("method", methods(), ids=["pnp_pgd", "red"])
@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator(name, method):
    """matlab3 has no noise, tomography is gray, and MRI complex."""
    x, y, physics, _ = measured(name)
    denoiser = Smoother()
    seen = ComplexDenoiser(denoiser) if name == "mri" else denoiser
    found = list(method(y, physics, seen, 4))
    assert len(found) == 5
    torch.testing.assert_close(found[0], initial_estimate(physics, y))
    assert found[-1].shape == x.shape and found[-1].isfinite().all()
    assert psnr(found[-1], x) > psnr(physics.A_adjoint(y), x) - 0.2
    assert denoiser.channels == {1 if name == "mri" else x.shape[1]}


@pytest.mark.parametrize("method", [pnp_pgd, red])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"iterations": 0}, "at least one iteration, got 0"),
        ({"level": 0.0}, "level must be positive, got 0.0"),
    ],
)
def test_wrong_settings_are_refused(method, settings, message):
    _, y, physics, _ = measured("blur")
    with pytest.raises(ValueError, match=message):
        last(method(y, physics, Smoother(), **settings))


@pytest.mark.parametrize(
    ("relaxation", "message"),
    [(0.0, "must be positive, got 0.0"), (1.5, "must be at most 1, got 1.5")],
)
def test_pnp_pgd_needs_a_relaxation_of_at_most_one(relaxation, message):
    _, y, physics, _ = measured("blur")
    with pytest.raises(ValueError, match=message):
        last(pnp_pgd(y, physics, Smoother(), relaxation=relaxation))


def test_red_needs_a_weight():
    _, y, physics, _ = measured("blur")
    with pytest.raises(ValueError, match="lambda_ must be positive, got -1"):
        last(red(y, physics, Smoother(), lambda_=-1))
