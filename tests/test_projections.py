"""P is an orthogonal projection on what A measures."""

import pytest
import torch

from benchmark_inverse_problems.projections import range_projection

from .problems import TINY, tiny_problem

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
