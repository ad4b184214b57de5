"""Electrical impedance tomography: mesh, electrodes, derivative, and known solutions."""

import time

import numpy as np
import pytest
import torch

from benchmark_inverse_problems.judge.case import Case
from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.physics.derivatives import (
    jacobian,
    jacobian_adjoint,
    jacobian_times,
)
from benchmark_inverse_problems.physics.disc_mesh import DiscMesh
from benchmark_inverse_problems.physics.facts import aligned, loudness
from benchmark_inverse_problems.physics.needs import offers
from benchmark_inverse_problems.physics.operators.impedance import (
    PATTERNS,
    Impedance,
    adjacent,
    trigonometric,
)
from benchmark_inverse_problems.support.parameters import NotAllowed

from ..tiny import dataset, tiny_problem

SIDE = 16


@pytest.fixture(scope="module")
def tank():
    return OPERATORS["impedance"]((1, SIDE, SIDE), None, electrodes=8, rings=6)


def disc(radius, value, side=SIDE):
    """A round object in the middle of the tank."""
    n = (torch.arange(4 * side) + 0.5) / (2 * side) - 1
    fine = 0.5 + value * (n[:, None] ** 2 + n**2 < radius**2).double()
    return fine.view(1, 1, side, 4, side, 4).mean((3, 5))


def picture(dtype=torch.float64):
    generator = torch.manual_seed(0)
    return torch.rand(1, 1, SIDE, SIDE, generator=generator, dtype=dtype)


def test_triangles_fill_the_disc():
    mesh = DiscMesh(12)
    assert len(mesh.nodes) == 469 and len(mesh.triangles) == 864
    assert mesh.areas.min() > 0
    edge = 72
    assert mesh.areas.sum() == pytest.approx(edge / 2 * np.sin(2 * np.pi / edge))
    assert set(mesh.triangles.flatten()) == set(range(469))
    corners = mesh.nodes[mesh.triangles]
    linear = corners @ [2.0, -3.0] + 1
    slope = np.einsum("ti,tid->td", linear, mesh.slopes)
    np.testing.assert_allclose(slope, np.tile([2.0, -3.0], (864, 1)), atol=1e-9)
    points = mesh.points(3)
    assert points.shape == (864, 9, 2)
    np.testing.assert_allclose(points.mean(1), corners.mean(1), atol=1e-12)


@pytest.mark.parametrize("count", [4, 5, 16])
def test_electrodes_cover_their_share(count):
    mesh = DiscMesh(7)
    single, double = mesh.electrodes(count, 0.4)
    around = 2 * 42 * np.sin(np.pi / 42)
    np.testing.assert_allclose(single.sum(0), 0.4 * around / count)
    np.testing.assert_allclose(double.sum(1), single.sum(1), atol=1e-15)
    np.testing.assert_allclose(double, double.T)


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("electrodes", [4, 7, 16])
def test_currents_flow_out_as_they_flow_in(name, electrodes):
    currents, voltages = PATTERNS[name](electrodes)
    assert np.linalg.matrix_rank(currents) == electrodes - 1
    assert np.abs(currents.sum(0)).max() < 1e-12
    assert np.abs(voltages.sum(0)).max() < 1e-12


def test_the_jacobian_is_the_derivative(tank):
    x, u = picture(), torch.randn(1, 1, SIDE, SIDE, dtype=torch.float64)
    y = tank.A(x)
    assert y.shape == (1, 1, 7, 8)
    v = torch.randn(y.shape, dtype=torch.float64)
    times, adjoint = jacobian(tank, x)
    seen, back = times(u), adjoint(v)
    difference = seen - jacobian_times(tank, x, u)
    assert difference.norm() < 1e-5 * seen.norm()
    torch.testing.assert_close(back, jacobian_adjoint(tank, x, v))
    assert float((seen * v).sum()) == pytest.approx(float((u * back).sum()))
    assert tank.A(x.float()).dtype == torch.float32


def test_it_takes_a_batch(tank):
    x = torch.cat((picture(), disc(0.5, 0.3)))
    torch.testing.assert_close(tank.A(x)[1:], tank.A(x[1:]))


def test_the_background_gives_nothing_and_the_norm_is_one(tank):
    empty = torch.full((1, 1, SIDE, SIDE), 0.5)
    assert tank.A(empty).abs().max() < 1e-6
    fine = OPERATORS["impedance"]((1, SIDE, SIDE), None, electrodes=8, rings=12)
    norm = torch.linalg.matrix_norm(fine.jacobian(empty), 2)
    assert float(norm) == pytest.approx(1, rel=1e-6)
    assert fine.scale == tank.scale
    offered = offers(tank, (1, 1, SIDE, SIDE))
    assert {"not linear", "known operator", "2d", "real"} <= offered


def test_source_and_receiver_may_be_exchanged():
    tank = Impedance(SIDE, *adjacent(8), contrast=3.0, rings=6)
    y = tank.A(picture())[0, 0]
    torch.testing.assert_close(y, y.T)
    assert float(y.abs().max()) > 0.01


@pytest.mark.parametrize("wave", [1, 2])
def test_a_round_object_has_its_analytic_voltages(wave):
    """Currents cos(k t) through the edge of a disc with a round object of conductivity s.

    The potential at the edge is cos(k t) / k (1 + m r^2k) / (1 - m r^2k), where
    m = (1 - s) / (1 + s) (e.g. Mueller and Siltanen, 2012, section 12).
    """
    # Behind a large contact impedance the current is uniform along an electrode.
    electrodes, radius, contrast, contact = 32, 0.5, 3.0, 10.0
    settings = {"rings": 16, "cover": 1.0, "contact": contact}
    tank = Impedance(32, *trigonometric(electrodes), contrast, **settings)
    arc = 2 * np.pi / electrodes
    current = tank.currents[:, wave - 1]
    empty = tank.empty[0, wave - 1] - contact * current / arc
    torch.testing.assert_close(empty, current / arc / wave, rtol=0.02, atol=0.01)
    for value, s in ((0.5, contrast), (-0.5, 1 / contrast)):
        share = (1 - s) / (1 + s) * radius ** (2 * wave)
        ratio = (1 + share) / (1 - share) - 1
        found = tank.A(disc(radius, value, 32))[0, 0, wave - 1]
        assert float(found @ empty / (empty @ empty)) == pytest.approx(ratio, rel=0.08)


def test_a_finer_mesh_sees_the_same_object():
    x = disc(0.5, 0.3)
    y = []
    for rings in (6, 12, 18):
        tank = OPERATORS["impedance"]((1, SIDE, SIDE), None, electrodes=8, rings=rings)
        y.append(tank.A(x))
    gaps = [float((a - y[2]).norm() / y[2].norm()) for a in y[:2]]
    assert 0.001 < gaps[1] < 0.6 * gaps[0] < 0.1


def test_solvers_are_told_a_coarser_mesh():
    problem = tiny_problem("eit")
    seen, (truth, judged) = problem.observe(0), problem.judged(0)
    assert torch.equal(seen.y, judged.y)
    sizes = [len(o.physics.corners) for o in (seen, judged)]
    assert sizes == [864, 3456]
    assert seen.physics.scale == judged.physics.scale
    sigma = float(seen.physics.noise_model.sigma)
    expected = 0.001 * loudness(judged.physics, judged.y)
    assert (
        sigma
        == pytest.approx(expected)
        == pytest.approx(
            0.001 * judged.physics.scale * float(judged.physics.empty.abs().mean())
        )
    )
    # Without calibration the meshes differ by a large part of the signal.
    coarse, fine = seen.physics.empty, judged.physics.empty
    signal = judged.y.norm() / judged.physics.scale
    assert float((coarse - fine).norm() / signal) > 0.1
    assert float((seen.physics.A(truth) - seen.y).norm() / seen.y.norm()) < 0.1


def test_what_is_outside_of_the_disc_is_not_judged():
    problem = tiny_problem("eit")
    truth, observation = problem.judged(0)
    x_hat = truth.clone()
    x_hat[0, 0, 0, 0] = 9.0
    case = Case(x_hat, truth, observation)
    assert case.relative_error() == 0
    empty = torch.full_like(truth, 0.5)
    assert Case(empty, truth, observation).relative_error() == pytest.approx(1)
    assert np.isnan(Case(truth, empty, observation).relative_error())
    x_hat[0, 0, SIDE // 2, SIDE // 2] = 9.0
    assert Case(x_hat, truth, observation).relative_error() > 1
    # A pixel that is not judged changes no measurement.
    physics = observation.physics
    torch.testing.assert_close(
        physics.A(aligned(physics, x_hat, truth)), physics.A(x_hat)
    )


def test_inclusions_do_not_touch_the_wall():
    problem = tiny_problem("eit")
    assert not set(problem.images.names) & {"inclusions_tuning"}
    images = dataset("eit").get_instance(n_images=16).get_data()["problem"].images
    x = torch.cat([images[i][1] for i in range(len(images))])
    assert x.shape == (16, 1, 32, 32)
    n = (torch.arange(32) + 0.5) / 16 - 1
    outside = n[:, None] ** 2 + n**2 > 1
    assert float(x[..., outside].min()) == float(x[..., outside].max()) == 0.5
    assert float(x.min()) < 0.1 and float(x.max()) > 0.9
    tuning = tiny_problem("eit").tuning
    assert not torch.equal(tuning.truth(0), problem.truth(0))


def test_bad_settings_are_refused_in_one_sentence():
    for settings, text in (
        ({"electrodes": 3}, "electrodes"),
        ({"noise": -0.1}, "noise"),
        ({"contrast": 1.0}, "contrast"),
    ):
        problem = dataset("eit").get_instance(**settings).get_data()["problem"]
        with pytest.raises(NotAllowed, match=text):
            problem.truth(0)
    make = OPERATORS["impedance"]
    with pytest.raises(ValueError, match="square images and got 1 channels of 8x9"):
        make((1, 8, 9), None, electrodes=8)
    with pytest.raises(ValueError, match="at least 4 electrodes and got 3"):
        make((1, 8, 8), None, electrodes=3)


def test_forward_and_gradient_take_milliseconds():
    """At 469 nodes they take about 5 ms; the limit is for slow machines."""
    tank = OPERATORS["impedance"]((1, 32, 32), None, electrodes=16)
    x = torch.full((1, 1, 32, 32), 0.6)
    v = tank.A(x)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        jacobian_adjoint(tank, x, v)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.03


def test_voltages_are_those_of_pyeit():
    """On one mesh, with electrodes so small that pyEIT's point electrodes are the same.

    The electrodes of the current are left out: their own voltages depend on their size.
    """
    fem = pytest.importorskip("pyeit.eit.fem", reason="pyeit is not installed")
    from pyeit.mesh import PyEITMesh

    electrodes, rings, contrast = 16, 8, 3.0
    currents, voltages = np.eye(electrodes)[:, :1], np.eye(electrodes)
    currents = currents - np.eye(electrodes)[:, 4:5]
    tank = Impedance(32, currents, voltages, contrast, rings, cover=1e-4, contact=1.0)
    logarithm = tank.logarithm(disc(0.5, 0.4, 32))
    mesh = DiscMesh(rings)
    edge = 6 * rings
    places = len(mesh.nodes) - edge + np.arange(electrodes) * edge // electrodes
    theirs = fem.Forward(
        PyEITMesh(
            node=np.pad(mesh.nodes, ((0, 0), (0, 1))),
            element=mesh.triangles,
            perm=logarithm[0].exp().numpy(),
            el_pos=places,
            ref_node=0,
        )
    ).solve(np.array([0, 4]))[places]
    ours = tank.measured(logarithm)[0, 0].numpy()
    others = [n for n in range(electrodes) if n not in (0, 4)]
    ours, theirs = (v[others] - v[others].mean() for v in (ours, theirs))
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=1e-4)
