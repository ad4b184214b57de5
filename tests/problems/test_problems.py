"""Problems are the same for ever; their operators are linear with true adjoints."""

import numpy as np
import pytest
import torch
from deepinv.physics import Denoising
from threadpoolctl import threadpool_limits

from benchmark_inverse_problems.commands import freeze
from benchmark_inverse_problems.commands.freeze import every_problem
from benchmark_inverse_problems.physics.kernels import motion_kernel
from benchmark_inverse_problems.physics.noise import add_noise
from benchmark_inverse_problems.problems.problem import Task
from benchmark_inverse_problems.problems.versions import extended, frozen

from ..tiny import TINY, tiny_problem


def name_of(instance):
    return str(instance)


PROBLEMS = list(every_problem())
FROZEN = frozen()


@pytest.mark.parametrize("dataset", PROBLEMS, ids=name_of)
def test_frozen_fingerprint(dataset):
    fingerprint = dataset.get_data()["problem"].fingerprint
    version = FROZEN.get(dataset.name, {}).get(str(dataset.version), {})
    assert version.get(str(dataset)) == fingerprint, (
        "The measurements are not those that are frozen: "
        "`python -m benchmark_inverse_problems freeze` says what to do."
    )


@pytest.mark.parametrize(
    ("operator", "settings", "told", "words"),
    [
        ("inpaintin", {}, None, "operator=inpaintin is not known: use one of "),
        ("inpainting", {"kep": 0.5}, None, "do not fit the operator inpainting: "),
        ("gaussian_blur", {"std": 1.0}, {"sdt": 1.0}, "fit the operator gaussian_blur"),
    ],
)
def test_a_task_with_an_unknown_operator_is_one_sentence(
    operator, settings, told, words
):
    with pytest.raises(ValueError, match=words):
        Task(operator, settings, told=told)


def test_unknown_problems_are_not_frozen():
    with pytest.raises(ValueError, match="problem=nobody is not known: use one of "):
        freeze.main(["nobody"])


def test_versions_are_counted_from_one_to_the_present_one():
    present = {dataset.name: dataset.version for dataset in PROBLEMS}
    assert {name: set(versions) for name, versions in FROZEN.items()} == {
        name: {str(k + 1) for k in range(version)} for name, version in present.items()
    }


def test_what_is_frozen_never_changes():
    (dataset,) = (d for d in PROBLEMS if d.name == "low_photon")
    (name,) = FROZEN["low_photon"]["1"]
    entries = {"low_photon": {"1": {name: "another"}}}
    with pytest.raises(ValueError, match="version = 2 into datasets/low_photon.py"):
        extended(entries, [dataset])
    assert entries == {"low_photon": {"1": {name: "another"}}}
    dataset.version = 2
    later = extended(entries, [dataset])["low_photon"]
    assert later == {"1": {name: "another"}, "2": FROZEN["low_photon"]["1"]}
    dataset.version = 4
    with pytest.raises(ValueError, match="version = 4 after 1: take 2"):
        extended(entries, [dataset])
    dataset.version = 1
    assert extended({}, [dataset])["low_photon"] == FROZEN["low_photon"]


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
