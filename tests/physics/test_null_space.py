"""P is an orthogonal projection on what A measures."""

import pytest
import torch

from benchmark_inverse_problems.physics.null_space import range_projection

from ..tiny import TINY, tiny_problem

EXACT = [name for name in TINY if name not in {"denoise", "poisson", "ct"}]


@pytest.mark.parametrize("name", EXACT)
def test_projection_is_idempotent_symmetric_and_seen(name):
    observation = tiny_problem(name).observe(0)
    project = range_projection(observation.physics, observation.shape)
    generator = torch.manual_seed(0)
    u, v = (torch.randn(observation.shape, generator=generator) for _ in range(2))
    pu = project(u)
    assert (project(pu) - pu).norm() < 1e-3 * u.norm()
    assert abs(float((pu * v).sum() - (u * project(v)).sum())) < 1e-2 * u.norm()
    unseen = u - pu
    gain = observation.physics.A(unseen).norm() / unseen.norm()
    whole = observation.physics.A(u).norm() / u.norm()
    assert gain < 0.2 * whole


def test_tomography_leaves_little_in_what_it_calls_unseen():
    observation = tiny_problem("ct").observe(0)
    project = range_projection(observation.physics, observation.shape)
    u = torch.randn(observation.shape, generator=torch.manual_seed(0))
    unseen = u - project(u)
    assert observation.physics.A(unseen).norm() < 0.2 * observation.physics.A(u).norm()
    assert 0.05 < unseen.norm() / u.norm() < 1


def test_random_projections_have_a_closed_proximal_operator():
    observation = tiny_problem("projections").observe(0)
    y, physics = observation.y, observation.physics
    z = torch.rand(2, *observation.shape[1:], generator=torch.manual_seed(0))
    for gamma in (0.1, 100.0, torch.tensor([0.5, 30.0]).view(-1, 1, 1, 1)):
        u = physics.prox_l2(z, y, gamma)
        left = gamma * physics.A_adjoint(physics.A(u)) + u
        right = gamma * physics.A_adjoint(y) + z
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-4)
