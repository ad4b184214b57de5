"""The unrolled network of volumes, and the problems of patches that it learns."""

import numpy as np
import pytest
import torch

from benchmark_inverse_problems.networks.unrolled_3d import (
    Solve,
    Unrolled3D,
    conjugate_gradient,
)
from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.physics.local_normal import (
    Exact,
    between_coils,
    between_maps,
)
from benchmark_inverse_problems.problems.volumes import ellipsoids, with_phase
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
    alone = conjugate_gradient(lambda v: v @ matrix, r[1:], torch.zeros(1, 3), 2)
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


def test_patches_of_mri_are_seen_as_by_the_volumes_operator(monkeypatch):
    volume, side, patch = ellipsoids(0, 16), 16, 8
    x, back, maps, kernel, sigma = training.mri(
        np.random.RandomState(3), volume, patch, 3
    )
    rng = np.random.RandomState(3)  # the same numbers again
    whole = with_phase(volume, int(rng.randint(2**31)))
    acceleration = training.ACCELERATIONS[rng.randint(2)]
    shape = (2, side, side, side)
    physics = OPERATORS["multicoil_mri"](shape, rng, acceleration, training.COILS)
    level = float(training.log_uniform(rng, *training.MRI_NOISE, None))
    assert float(sigma) == pytest.approx(level)
    rng.standard_normal((1, 2, training.COILS, side, side, side))
    places = training.cut(rng, side, patch, 3)
    torch.testing.assert_close(x, training.stacked(whole, places))
    normal = between_coils(maps, kernel)
    for index, place in enumerate(places):
        offset = [part.start for part in place[1:]]
        exact = Exact(physics, whole.shape).restrict(offset, (patch,) * 3)
        found, expected = normal(x)[index], exact(x[index : index + 1])[0]
        assert float((found - expected).norm() / expected.norm()) < 1e-5
    assert 0 < float(back.std()) < sigma


def test_a_step_of_ct_learns(monkeypatch):
    monkeypatch.setattr(training, "SIDE", 16)
    monkeypatch.setattr(training, "FIT_SAMPLES", 8)
    training.cone.cache_clear()
    data = training.draw(VolumeSampler(), 0, training.ct, patch=8, count=2)
    x, back, maps, kernel, sigma = data
    assert x.shape == back.shape == maps.shape == (2, 1, 8, 8, 8)
    assert kernel.shape == (16, 16, 16) and 0 < float(sigma) < 0.1
    normal = between_maps(maps[:, 0], kernel, complex=False)
    assert normal(x).shape == x.shape
    torch.manual_seed(0)
    network = Unrolled3D(1, widths=(4, 4, 4, 4))
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(8):
        loss = training.loss(network, data, 0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    training.cone.cache_clear()


def test_volumes_of_training_depend_on_seed_and_step_only():
    one, two = VolumeSampler(), VolumeSampler()
    a, b = one.volume(one.rng(4), 16), two.volume(two.rng(4), 16)
    assert torch.equal(a, b)
    assert not torch.equal(a, one.volume(one.rng(5), 16))
    assert not torch.equal(one.validation(0, 16), one.validation(1, 16))
