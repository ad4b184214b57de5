"""Networks of pictures on volumes."""

import deepinv as dinv
import numpy as np
import pytest
import torch

from benchmark_inverse_problems.judge.case import Case
from benchmark_inverse_problems.methods.slices import NormalEquations, by_slices
from benchmark_inverse_problems.networks.ram import load_ram
from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.physics.initial_estimate import initial_estimate

from ..test_plugins import SOLVERS, reconstruct
from ..tiny import VOLUMES, tiny_problem


def test_normal_equations_give_the_network_what_the_operator_gives():
    shape = (2, 24, 24)
    physics = OPERATORS["mri"](shape, np.random.RandomState(0), 2, 0.2)
    physics.noise_model = dinv.physics.GaussianNoise(0.02)
    x = torch.rand(1, *shape, generator=torch.manual_seed(0))
    y = physics.A(x)
    known = NormalEquations(physics.A_adjoint_A, 0.02)
    network = load_ram("bundled", "full", "ram").eval()
    with torch.no_grad():
        expected = network(y, physics)
        found = network(physics.A_adjoint(y), known)
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-3)
    with pytest.raises(NotImplementedError, match="known by A"):
        known.A(x)


@pytest.mark.parametrize("task", VOLUMES)
def test_slices_are_better_than_their_start(task):
    problem = tiny_problem(task)
    truth, observation = problem.judged(0)
    network = load_ram("bundled", "full", "ram").eval()
    with torch.no_grad():
        found = by_slices(observation.y, observation.physics, network)
        start = initial_estimate(observation.physics, observation.y)
    scores = [Case(x, truth, observation).psnr() for x in (start, found)]
    assert scores[1] > scores[0]


def test_published_networks_skip_volumes():
    solver = SOLVERS["ram"].get_instance(weights="published")
    example = tiny_problem("volume_ct").observe(0)
    assert solver.refusal(example) == "has weights=bundled for volumes only"


def test_ram_marks_volumes_that_it_did_not_learn():
    (found,) = reconstruct("ram", tiny_problem("volume_ct"), weights="bundled")
    assert found.outside == "it learned no cone beam" and found.parameters > 1e5
