"""Problems are the same for ever; their operators are linear with true adjoints."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from benchopt.benchmark import Benchmark
from benchopt.utils.parametrized_name_mixin import product_param
from deepinv.physics import Denoising
from threadpoolctl import threadpool_limits

from benchmark_inverse_problems.physics.kernels import motion_kernel
from benchmark_inverse_problems.physics.noise import add_noise

from ..conftest import ROOT
from ..tiny import TINY, tiny_problem

GOLDEN = Path(__file__).parent / "fingerprints.json"
BUNDLED_SETS = {"auto": "bundled"}


def every_problem():
    """Every problem of the suite at its defaults, on images that need no download."""
    for dataset in Benchmark(ROOT).get_datasets():
        parameters = dict(dataset.parameters)
        if dataset.name == "simulated":
            parameters["task"] = list(TINY)
        for point in product_param(parameters):
            if point["images"] == "auto" and dataset.name != "simulated":
                point["images"] = "bundled"
            yield dataset.get_instance(**point)


def name_of(instance):
    return str(instance)


PROBLEMS = list(every_problem())


@pytest.mark.parametrize("dataset", PROBLEMS, ids=name_of)
def test_golden_fingerprint(dataset):
    golden = json.loads(GOLDEN.read_text())
    problem = dataset.get_data()["problem"]
    assert problem.fingerprint == golden[str(dataset)], (
        "The measurements changed, so every published score of this problem is void. "
        "A new problem's fingerprint is written by `python -m tests.problems.test_problems`."
    )


@pytest.mark.parametrize("name", TINY)
def test_dot_product(name):
    observation = tiny_problem(name).observe(0)
    generator = torch.manual_seed(0)
    u = torch.randn(observation.shape, generator=generator)
    v = torch.randn(observation.y.shape, generator=generator)
    left = (observation.physics.A(u) * v).double().sum()
    right = (u * observation.physics.A_adjoint(v)).double().sum()
    scale = observation.physics.A(u).norm() * v.norm()
    assert abs(float(left - right)) < 1e-4 * float(scale)


@pytest.mark.parametrize("name", TINY)
def test_operator_norm_is_about_one_or_the_inverse_factor(name):
    observation = tiny_problem(name).observe(0)
    x = torch.rand(observation.shape, generator=torch.manual_seed(0))
    for _ in range(30):
        x = observation.physics.A_adjoint(observation.physics.A(x))
        norm = float(x.norm())
        x = x / norm
    factor = getattr(observation.physics, "factor", 1)
    assert norm**0.5 == pytest.approx(1 / factor, rel=0.1)


@pytest.mark.parametrize("name", TINY)
def test_observations_are_repeatable_and_independent_of_access_order(name):
    first, second = tiny_problem(name), tiny_problem(name)
    second.observe(0)
    assert torch.equal(first.observe(1).y, second.observe(1).y)
    assert not torch.equal(first.observe(0).y, first.observe(1).y)


def test_kernels_do_not_depend_on_threads():
    kernels = []
    for threads in (2, 1):
        with threadpool_limits(threads, user_api="blas"):
            draws = [
                motion_kernel(np.random.RandomState(n), 0.6, 0.5) for n in range(8)
            ]
        kernels.append(torch.cat(draws))
    assert torch.equal(*kernels)


def test_solvers_do_not_see_the_truth():
    observations = tiny_problem("denoise").observations
    assert not hasattr(observations, "truth")
    seen = {"y", "physics", "shape", "name", "complex", "known"}
    assert {f for f in vars(observations[0])} == seen


def test_a_solver_that_changes_a_physics_changes_no_other():
    problem = tiny_problem("denoise")
    problem.observations[0].physics.noise_model.update_parameters(sigma=9.0)
    assert float(problem.observations[0].physics.noise_model.sigma) == pytest.approx(
        0.1
    )


def test_tuning_images_are_never_scored():
    problem = tiny_problem("denoise")
    assert not set(problem.tuning.images.names) & set(problem.images.names)


def test_noise_levels():
    clean = torch.full((1, 1, 200, 200), 0.5)
    rng = np.random.RandomState(0)
    gaussian = add_noise(clean, Denoising(), rng, sigma=0.1) - clean
    assert float(gaussian.std()) == pytest.approx(0.1, rel=0.05)
    both = add_noise(clean, Denoising(), rng, sigma=0.1, gain=0.04) - clean
    assert float(both.std()) == pytest.approx((0.04 * 0.5 + 0.01) ** 0.5, rel=0.05)
    assert float(both.mean()) == pytest.approx(0, abs=0.005)


def test_fingerprint_ignores_rounding_and_sees_noise():
    problem, other, noisy = (tiny_problem("deblur") for _ in range(3))

    def moved(problem, distance):
        """The problem with other measurements."""
        measure = problem.measure

        def changed(x, index):
            observation = measure(x, index)
            observation.y.add_(distance(observation.y))
            return observation

        problem.measure = changed
        return problem

    other = moved(other, lambda y: 1e-7)
    noisy = moved(noisy, lambda y: 0.01 * torch.randn(y.shape))
    assert problem.fingerprint == other.fingerprint
    assert problem.fingerprint != noisy.fingerprint


if __name__ == "__main__":
    found = {str(d): d.get_data()["problem"].fingerprint for d in PROBLEMS}
    GOLDEN.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
