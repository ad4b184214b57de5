"""Total generalised variation: its operator, what it leaves alone, its minimum."""

import numpy as np
import pytest
import torch
from deepinv.physics import Denoising

from benchmark_inverse_problems.methods.generalised_variation import (
    GeneralisedVariation,
    total_generalised_variation,
)
from benchmark_inverse_problems.methods.total_variation import total_variation

from ..small import measured, noisy, psnr


def random(*shape):
    return torch.tensor(np.random.RandomState(0).randn(*shape))


@pytest.mark.parametrize("shape", [(1, 3, 9, 12), (1, 2, 6, 5, 7)])
def test_adjoint_and_norm(shape):
    norm = GeneralisedVariation(random(*shape), 2.0)
    z = random(1 + norm.axes, *shape[1:])
    kz = norm.apply(z)
    u = random(*kz.shape).flip(0)
    torch.testing.assert_close((kz * u).sum(), (z * norm.adjoint(u)).sum())
    for _ in range(100):
        z = norm.adjoint(norm.apply(z / z.norm()))
    assert 0.8 * norm.squared_norm < z.norm() <= norm.squared_norm


def test_projection_is_on_the_dual_ball():
    """|K z| is the largest product of K z with a dual variable in the unit ball."""
    norm = GeneralisedVariation(random(1, 3, 9, 12), 2.0)
    kz = norm.apply(random(3, 3, 9, 12))
    u = norm.project(1e9 * kz, 1.0)
    assert float((kz * u).sum()) == pytest.approx(
        norm.value(random(3, 3, 9, 12)), rel=1e-6
    )
    inside = 1e-9 * kz
    assert torch.equal(norm.project(inside, 1.0), inside)


def ramp(height, width):
    rows, columns = torch.meshgrid(
        torch.linspace(0, 0.3, height), torch.linspace(0, 0.5, width), indexing="ij"
    )
    return (0.1 + rows + columns)[None, None]


def test_slopes_cost_nothing():
    """With a huge weight the result is the affine image nearest to the measurements."""
    y = noisy(ramp(10, 12), 0.05)
    x = total_generalised_variation(y, Denoising(), 10.0, tolerance=1e-4, max_iter=2000)
    columns = torch.stack([torch.ones(10 * 12), *torch.meshgrid(
        torch.arange(10.0), torch.arange(12.0), indexing="ij"
    )[0].reshape(1, -1), torch.arange(12.0).repeat(10)], 1)  # fmt: skip
    fit = columns @ torch.linalg.lstsq(columns, y.reshape(-1, 1)).solution
    torch.testing.assert_close(x, fit.view_as(y), rtol=0, atol=2e-3)


def test_it_is_better_than_total_variation_on_slopes():
    x = ramp(24, 28)
    y = noisy(x, 0.1)
    results = {
        method: max(psnr(method(y, Denoising(), w), x) for w in (0.2, 0.4))
        for method in (total_variation, total_generalised_variation)
    }
    stairs, slopes = results.values()
    assert slopes > stairs + 2


@pytest.mark.parametrize("name", ["blur", "tomography"])
def test_it_converges(name):
    x, y, physics, weight = measured(name)
    x_hat = total_generalised_variation(y, physics, weight)
    longer = total_generalised_variation(
        y, physics, weight, tolerance=1e-4, max_iter=1500
    )
    assert float((x_hat - longer).norm() / longer.norm()) < 5e-3
    assert psnr(x_hat, x) > psnr(physics.A_adjoint(y), x) + 1


def test_volumes():
    y = random(1, 1, 6, 7, 8).float()
    x = total_generalised_variation(y, Denoising(), 0.5)
    assert x.shape == y.shape
    assert float(x.std()) < 0.5 * float(y.std())


def test_bad_weight():
    with pytest.raises(ValueError, match="weight must be positive, got 0"):
        total_generalised_variation(torch.zeros(1, 1, 8, 8), Denoising(), 0)
