"""The unrolled network of volumes, and the problems of patches that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark_inverse_problems.methods.partition import PartitionedReconstructor
from benchmark_inverse_problems.networks.unrolled_3d import (
    Solve,
    Unrolled3D,
    conjugate_gradient,
)
from benchmark_inverse_problems.physics.local_normal import Exact, Toeplitz
from benchmark_inverse_problems.problems.volumes import ellipsoids
from benchmark_inverse_problems.training import unrolled_3d as training
from benchmark_inverse_problems.training.data import VolumeSampler


def test_the_derivative_of_a_solve_is_another_solve():
    generator = torch.manual_seed(0)
    root = torch.randn(6, 6, generator=generator)
    matrix = root @ root.T
    r = torch.randn(2, 6, generator=generator).requires_grad_()
    mu = torch.tensor(0.7, requires_grad=True)
    weights = torch.randn(2, 6, generator=generator)

    def exact():
        return torch.linalg.solve(matrix + mu * torch.eye(6), r.T).T

    def ours():
        return Solve.apply(r, mu, torch.zeros(2, 6), lambda v: v @ matrix, 30)

    torch.testing.assert_close(ours(), exact(), rtol=1e-3, atol=1e-3)
    for found, expected in zip(
        torch.autograd.grad((ours() * weights).sum(), (r, mu)),
        torch.autograd.grad((exact() * weights).sum(), (r, mu)),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-2)


def test_images_of_a_batch_are_solved_alone():
    matrix = torch.diag(torch.tensor([1.0, 2.0, 5.0]))
    r = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 10.0]])
    both = conjugate_gradient(lambda v: v @ matrix, r, torch.zeros(2, 3), 2)
    alone = conjugate_gradient(lambda v: v @ matrix, r[1:], None, 2)
    torch.testing.assert_close(both[1:], alone)
    assert both.isfinite().all()


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("shape", [(2, 1, 9, 10, 12), (1, 2, 16, 16, 16)])
def test_any_volume_goes_through(dim, shape):
    torch.manual_seed(0)
    network = Unrolled3D(shape[1], widths=(4, 4, 4, 4), dim=dim).eval()
    back = torch.rand(shape)
    with torch.no_grad():
        found = network(back, lambda v: 0.9 * v, 0.05)
    assert found.shape == shape and found.isfinite().all()


def test_slices_do_not_see_each_other():
    torch.manual_seed(0)
    network = Unrolled3D(1, widths=(4, 4, 4, 4), dim=2).eval()
    z, level = torch.rand(1, 1, 8, 16, 16), torch.tensor(0.1)
    changed = z.clone()
    changed[:, :, 3] += 1
    with torch.no_grad():
        one, other = (network.correction(x, level) for x in (z, changed))
    same = [i for i in range(8) if torch.allclose(one[:, :, i], other[:, :, i])]
    assert same == [0, 1, 2, 4, 5, 6, 7]


class Source:
    """Volumes of one phantom, instead of a sampler's."""

    def volume(self, rng, side):
        return ellipsoids(0, side)


@pytest.fixture
def small(monkeypatch):
    """Recipes with small patches."""
    monkeypatch.setattr(training, "PATCH", 8)
    monkeypatch.setattr(training, "BATCH", 3)
    monkeypatch.setattr(training, "FIT_SAMPLES", 8)
    monkeypatch.setattr(training, "DENOISING", 2)
    training.cone.cache_clear()
    yield
    training.cone.cache_clear()


def test_patches_learn_the_problems_of_partitioned_reconstruction(small):
    """b = G S x + S A^T noise for the true context, with the volume's own operator."""
    rng = np.random.RandomState(3)
    x, physics, noise, sigma = training.draw_mri(rng, Source(), 16)
    count, _, places = training.context(rng, 16)
    truth = torch.tensor(0.0)  # no part of the estimate
    true, back, maps, kernel, level = training.measured_problems(
        training.MRI, x, physics, noise, sigma, count, truth, places
    )
    torch.testing.assert_close(true, training.stacked(x, places))
    assert float(level) == pytest.approx(float(sigma))
    normal = training.local(maps, kernel)
    seen = training.stacked(physics.A_adjoint(sigma * noise), places)
    torch.testing.assert_close(back, normal(true) + seen, rtol=1e-3, atol=1e-4)
    for index, place in enumerate(places.tolist()):
        exact = Exact(physics, x.shape).restrict(place, (8,) * 3)
        found, expected = normal(true)[index], exact(true[index : index + 1])[0]
        assert float((found - expected).norm() / expected.norm()) < 1e-5


def test_another_context_moves_the_equations(small):
    """They are those of the sweep of a partition from the same estimate."""
    rng = np.random.RandomState(3)
    x, physics, noise, sigma = drawn = training.draw_mri(rng, Source(), 16)
    count, share, places = context = training.context(rng, 16)
    true, back, maps, kernel, _ = training.measured_problems(
        training.MRI, *drawn, *context
    )
    y = physics.A(x) + sigma * noise
    normal = Exact(physics, x.shape)
    estimate = conjugate_gradient(normal, physics.A_adjoint(y), None, int(count))
    estimate = x + share * (estimate - x)
    heard = []

    def base(b, local, level):
        heard.append(b)
        return b

    partition = PartitionedReconstructor(
        base, 8, stride=1, sweeps=1, normal=Toeplitz, by_normal=True
    )
    partition(y, physics, estimate, sigma)
    offsets, _ = partition.patches(x.shape)
    for index, place in enumerate(places.tolist()):
        expected = heard[offsets.index(tuple(place))][0]
        torch.testing.assert_close(back[index], expected, rtol=1e-3, atol=1e-3)


def test_the_noise_of_cone_beams_is_relative_to_their_mean(small):
    x, views, noise, level = training.draw_ct(np.random.RandomState(3), Source(), 16)
    physics, sigma, *_ = training.ct_operator(x, views, level)
    assert len(physics.vectors) == views and noise.shape == physics.A(x).shape
    assert float(sigma) == pytest.approx(float(level * physics.A(x).mean()))


def data_of(problem, step, **partitioned):
    """The data of a step as the network has them."""
    drawn = training.draw(VolumeSampler(), step, problem, 16, **partitioned)
    return drawn if step < 2 else training.measured_problems(problem, *drawn)


def test_without_partition_volumes_are_whole(small):
    x, back, maps, kernel, _ = data_of(training.MRI, 3, partitioned=False)
    assert x.shape == back.shape == (1, 2, 16, 16, 16)
    assert maps.shape[2:] == (16,) * 3 and kernel.shape[1:] == (32, 32)
    assert data_of(training.MRI, 3)[0].shape == (3, 2, 8, 8, 8)


@pytest.mark.parametrize("problem", [training.MRI, training.CT])
@pytest.mark.parametrize("step", [0, 1, 2, 3])
@pytest.mark.parametrize("dim", [2, 3])
def test_a_step_learns(small, problem, step, dim):
    """Of the denoiser, of whole volumes, and of patches with a context."""
    # A worker process sees a copy of the problem.
    drawn = training.draw(VolumeSampler(), step, replace(problem), 16)
    x, back, *operator, sigma = data_of(problem, step)
    channels = 2 if problem is training.MRI else 1
    assert x.shape == back.shape == (3, channels, 8, 8, 8)
    assert len(operator) == (0 if step < 2 else 2) and float(sigma) > 0
    torch.manual_seed(0)
    network = Unrolled3D(channels, widths=(4, 4, 4, 4), dim=dim)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(8):
        loss = training.loss(network, drawn, step, problem)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    scores = training.validate(network, VolumeSampler(), problem, 16)
    assert set(scores) == {"whole", "patches"}


def test_other_iterations_keep_the_ends_of_the_schedule():
    network = Unrolled3D(1, widths=(4, 4, 4, 4))
    with torch.no_grad():
        network.log_levels.copy_(torch.tensor([0.0, 1.0, 3.0, 2.0]))
    network.with_iterations(7)
    assert network.log_levels[0] == 0 and network.log_levels[-1] == 2
    assert network.log_levels[2] == 1 and len(network.log_lambda) == 7
    with torch.no_grad():
        found = network(torch.rand(1, 1, 8, 8, 8), lambda v: 0.9 * v, 0.05)
    assert found.isfinite().all()


def test_volumes_of_training_depend_on_seed_and_step_only():
    one, two = VolumeSampler(), VolumeSampler()
    a, b = one.volume(one.rng(4), 16), two.volume(two.rng(4), 16)
    assert torch.equal(a, b)
    assert not torch.equal(a, one.volume(one.rng(5), 16))
    assert not torch.equal(one.validation(0, 16), one.validation(1, 16))
