"""Phase retrieval: its operator, what it cannot tell, its methods, its pictures."""

import json

import deepinv as dinv
import numpy as np
import pytest
import torch

from benchmark_inverse_problems.judge.case import Case, judge
from benchmark_inverse_problems.judge.pictures import gallery
from benchmark_inverse_problems.judge.reconstruction import Reconstruction
from benchmark_inverse_problems.methods import phase_retrieval as methods
from benchmark_inverse_problems.methods.phase_retrieval import from_amplitudes
from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.physics.derivatives import jacobian_adjoint
from benchmark_inverse_problems.physics.facts import aligned, linear_part
from benchmark_inverse_problems.physics.needs import offers
from benchmark_inverse_problems.physics.operators.coded_diffraction import (
    to_complex,
    to_parts,
    turned,
)
from benchmark_inverse_problems.physics.proximal import data_prox
from benchmark_inverse_problems.report.pictures import from_png

from ..small import picture
from ..test_plugins import SOLVERS, bundled, reconstruct
from ..tiny import dataset

REAL, COMPLEX = (1, 16, 20), (2, 16, 20)


def operator(shape, patterns=2, sigma=0.0):
    rng = np.random.RandomState(0)
    physics = OPERATORS["coded_diffraction"](shape, rng, patterns=patterns)
    physics.noise_model = dinv.physics.GaussianNoise(sigma)
    return physics


def image(shape, seed=0):
    return torch.rand(1, *shape, generator=torch.manual_seed(seed))


def last(estimates):
    *_, found = estimates
    return found


@pytest.mark.parametrize("shape", [REAL, COMPLEX])
@pytest.mark.parametrize("patterns", [1, 2, 4])
def test_the_linear_part_is_a_tight_frame(shape, patterns):
    physics = operator(shape, patterns)
    B, x = physics.B, image(shape)
    z = B.A(x)
    assert z.shape == (1, 2 * patterns, 16, 20)
    torch.testing.assert_close(B.A_adjoint(z), x)
    torch.testing.assert_close(B.A_adjoint_A(x), x)
    u = torch.randn(z.shape, generator=torch.manual_seed(1))
    torch.testing.assert_close((z * u).sum(), (x * B.A_adjoint(u)).sum())
    prox, exact = data_prox(B, u)
    p = prox(x, 0.7)
    assert exact
    gradient = 0.7 * B.A_adjoint(B.A(p) - u) + p - x
    assert gradient.abs().max() < 1e-5
    y = physics.A(x)
    assert y.shape == (1, patterns, 16, 20) and y.min() >= 0
    assert y.sum() == pytest.approx(float(x.square().sum()), rel=1e-4)


def test_what_it_offers():
    offered = offers(operator(COMPLEX), (1, *COMPLEX), complex=True)
    assert offered == {
        "magnitudes",
        "known operator",
        "2d",
        "differentiable",
        "not linear",
    }
    assert "magnitudes" not in offers(linear_part(operator(REAL)), (1, *REAL))
    with pytest.raises(ValueError, match="gray or complex images and got 3 channels"):
        operator((3, 8, 8))


def test_signs_and_phases_are_not_measured():
    x = image(REAL)
    physics = operator(REAL)
    torch.testing.assert_close(physics.A(-x), physics.A(x))
    torch.testing.assert_close(aligned(physics, -x, x), x)
    x, physics = image(COMPLEX), operator(COMPLEX)
    z = to_parts(to_complex(x) * np.exp(2j))
    torch.testing.assert_close(physics.A(z), physics.A(x))
    torch.testing.assert_close(aligned(physics, z, x), x)
    torch.testing.assert_close(aligned(physics, 0 * x, x), 0 * x)
    rng = torch.manual_seed(3)
    other = x + 0.1 * torch.randn(x.shape, generator=rng)
    error = (aligned(physics, other, x) - x).norm()
    for angle in np.linspace(0, 6, 50):
        z = to_parts(to_complex(other) * np.exp(1j * angle))
        assert error <= (z - x).norm() + 1e-4
        torch.testing.assert_close((aligned(physics, z, x) - x).norm(), error)


def test_one_pattern_does_not_tell_an_object_from_its_turned_conjugate():
    x = image(COMPLEX)
    for patterns, same in ((1, True), (2, False)):
        physics = operator(COMPLEX, patterns)
        mask = physics.B.masks[:, :1]
        z = mask.conj() * turned(mask * to_complex(x)).conj()
        difference = (physics.A(to_parts(z)) - physics.A(x)).abs().max()
        assert (difference < 1e-4) == same
        found = aligned(physics, to_parts(z), x)
        assert ((found - x).abs().max() < 1e-4) == same


def test_the_phase_is_judged():
    """The magnitude alone would score a pure phase as perfect."""
    problem = dataset("coded_diffraction").get_instance(
        object="phase", crop=32, n_images=1, images="bundled"
    )
    problem = problem.get_data()["problem"]
    truth, observation = problem.judged(0)
    torch.testing.assert_close(truth.norm(dim=1), torch.ones(1, 32, 32))
    flat = torch.zeros_like(truth)
    flat[:, 0] = 1
    scores = judge(Reconstruction(flat), truth, observation)
    assert scores["psnr"] > 60 and scores["psnr_complex"] < 20
    rotated = to_parts(to_complex(truth) * 1j)
    assert judge(Reconstruction(rotated), truth, observation)["psnr_complex"] > 60
    assert np.isnan(scores["psnr_range"]) and scores["residual"] > 0.1
    entry = json.loads(gallery(rotated, truth, observation))
    shown = from_png(entry["reconstruction"])
    assert shown.shape == (32, 64), "magnitude and phase"
    assert shown[:, :32].min() == 1 and shown[:, 32:].std() > 0.05
    assert np.abs(shown - from_png(entry["truth"])).max() < 0.01
    assert not entry["aligned"]


def test_objects():
    sets = {}
    for name in ("real", "complex", "phase"):
        instance = dataset("coded_diffraction").get_instance(
            object=name, crop=32, n_images=2, images="bundled"
        )
        problem = instance.get_data()["problem"]
        sets[name] = [problem.truth(index) for index in range(2)]
        assert problem.observe(0).complex == (name != "real")
        assert problem.tuning.observe(0).shape == problem.observe(0).shape
    for index in range(2):
        size = sets["complex"][index].norm(dim=1, keepdim=True)
        torch.testing.assert_close(size, sets["real"][index])
        angle = torch.atan2(*sets["phase"][index].flip(1).unbind(1))
        torch.testing.assert_close(
            angle / torch.pi + 0.5, sets["real"][index][:, 0], atol=1e-5, rtol=0
        )


def test_the_projection_is_the_closest_point():
    generator = torch.manual_seed(0)
    z = torch.randn(1, 4, 8, 8, generator=generator)
    y = torch.rand(1, 2, 8, 8, generator=generator)
    b = methods.amplitudes(y)
    p = methods.project(z, b)
    torch.testing.assert_close(to_complex(p).abs(), y.sqrt())
    assert (to_complex(p).angle() - to_complex(z).angle()).abs().max() < 1e-4
    torch.testing.assert_close(methods.project(p, b), p)
    zero = methods.project(0 * z, b)
    torch.testing.assert_close(to_complex(zero).abs(), y.sqrt())


@pytest.mark.parametrize("patterns", [1, 4])
def test_the_noise_of_magnitudes_is_known(patterns):
    physics = operator((1, 128, 128), patterns)
    x = picture(128, 128, 1)
    clean = physics.A(x)
    sigma = 0.05 * float(clean.mean())
    physics.noise_model = dinv.physics.GaussianNoise(sigma)
    y = clean + sigma * torch.randn(clean.shape, generator=torch.manual_seed(0))
    errors = methods.amplitudes(y) - methods.amplitudes(clean)
    found = methods.amplitude_noise(y, physics) * 2**0.5
    assert found == pytest.approx(float(errors.square().mean().sqrt()), rel=0.4)
    physics.noise_model = dinv.physics.GaussianNoise(0.0)
    assert methods.amplitude_noise(y, physics) == 0


@pytest.mark.parametrize("shape", [(1, 32, 32), (2, 32, 32)])
def test_the_spectral_estimate_correlates(shape):
    """It is close to the truth where there are many patterns."""
    x, found = image(shape), {}
    for patterns in (1, 12):
        physics = operator(shape, patterns)
        torch.manual_seed(0)
        estimate = methods.spectral(physics.A(x), physics)
        assert estimate.norm() == pytest.approx(float(x.norm()), rel=1e-3)
        near = aligned(physics, estimate, x)
        found[patterns] = float((near * x).sum() / x.norm() ** 2)
    assert found[12] > 0.9 and found[12] > found[1]


@pytest.mark.parametrize("start", ["flat", "spectral"])
@pytest.mark.parametrize("name", ["error_reduction", "raar"])
def test_classical_methods_find_the_object(name, start):
    physics, x = operator((1, 32, 32), 4), picture(32, 32, 1)
    torch.manual_seed(0)
    estimates = getattr(methods, name)(physics.A(x), physics, start=start)
    found = aligned(physics, last(estimates), x)
    assert (found - x).square().mean().sqrt() < 0.02


def test_amplitude_flow_finds_the_object_and_lowers_its_loss():
    physics, x = operator((1, 32, 32), 4), picture(32, 32, 1)
    y = physics.A(x)
    b = methods.amplitudes(y)
    torch.manual_seed(0)
    estimates = list(methods.amplitude_flow(y, physics))
    losses = [(methods.magnitudes(physics.B.A(e)) - b).norm() for e in estimates]
    assert losses[-1] < 0.01 * losses[0]
    assert (aligned(physics, estimates[-1], x) - x).square().mean().sqrt() < 0.02


def test_starts_have_the_energy_of_the_measurement():
    physics, x = operator(COMPLEX), image(COMPLEX)
    y = physics.A(x)
    for start in methods.STARTS:
        found = methods.first(y, physics, start)
        assert found.shape == x.shape
        assert found.norm() < 1.1 * x.norm()
    with pytest.raises(ValueError, match="start=warm is not known"):
        methods.first(y, physics, "warm")


def test_levels_fall_to_the_noise():
    physics, x = operator((1, 16, 16), 2, sigma=0.02), image((1, 16, 16))
    y = physics.A(x)
    levels = []

    def restore(z, B):
        levels.append(float(B.noise_model.sigma))
        torch.testing.assert_close(to_complex(z).abs(), y.sqrt())
        return B.A_adjoint(z)

    estimates = list(methods.gerchberg_saxton(y, physics, restore, 0.4, 5))
    assert len(estimates) == 6 and levels[0] == pytest.approx(0.4)
    assert levels[-1] == pytest.approx(methods.amplitude_noise(y, physics))
    ratios = np.diff(np.log(levels))
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-3)


def test_complex_images_are_restored_part_by_part():
    B, x = operator(COMPLEX).B, 2 * image(COMPLEX) - 1
    B.noise_model = dinv.physics.GaussianNoise(0.3)
    levels, shapes = set(), []

    def network(y, physics):
        levels.add(float(physics.noise_model.sigma))
        shapes.append(y.shape)
        assert 0 <= y.min() and y.max() <= 1
        return y

    found = methods.part_by_part(network)(B.A(x), B)
    torch.testing.assert_close(found, x)
    assert shapes == [(1, 1, 16, 20)] * 2
    assert list(levels) == pytest.approx([0.15])


PHASE_SOLVERS = [name for name, s in SOLVERS.items() if "magnitudes" in s.needs]


@pytest.mark.parametrize("name", PHASE_SOLVERS)
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_solvers_run_and_others_skip(name, kind):
    problem = dataset("coded_diffraction").get_instance(
        object=kind, crop=32, n_images=1, images="bundled", patterns=4
    )
    problem = problem.get_data()["problem"]
    (found,) = reconstruct(name, problem, **bundled(name))
    truth, observation = problem.judged(0)
    assert Case(found.x_hat, truth, observation, found).psnr() > 5
    assert reconstruct("adjoint", problem) is None
    assert reconstruct("dpir", problem, lambda_=0.2, last=1.0) is None


@pytest.mark.parametrize("shape", [REAL, COMPLEX])
def test_a_method_with_a_gradient_fits_the_amplitudes(shape):
    """It is handed the roots of the intensities, and begins where they have a gradient."""
    physics = operator(shape)
    physics.noise_model = dinv.physics.GaussianNoise(0.05)
    x = 0.5 + 0.1 * torch.rand(1, *shape, generator=torch.manual_seed(0))
    start = 0.5 if shape == COMPLEX else 0.0

    def descend(y, amplitudes):
        assert torch.equal(y, physics.A(x).sqrt())
        assert 0 < float(amplitudes.noise_model.sigma) < 0.2
        yield x - start
        z = torch.full_like(x, 0.5 - start)
        slope = jacobian_adjoint(amplitudes, z, amplitudes.A(z) - y)
        assert float(((x - start - z) * slope).sum()) < 0
        yield z

    first, second = from_amplitudes(physics.A(x), physics, descend)
    torch.testing.assert_close(first, x)
    torch.testing.assert_close(second, torch.full_like(x, 0.5))
