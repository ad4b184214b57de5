"""What holds for every operator: a new one is tested by being in the catalogue."""

import deepinv as dinv
import numpy as np
import pytest
import torch

from benchmark_inverse_problems.judge.metering import count_gflops
from benchmark_inverse_problems.physics import facts
from benchmark_inverse_problems.physics.catalogue import (
    EXAMPLES,
    MRI_CENTRE,
    OPERATORS,
    operator,
)
from benchmark_inverse_problems.physics.initial_estimate import (
    direct_inverse,
    initial_estimate,
    matched_adjoint,
)
from benchmark_inverse_problems.physics.needs import NEEDS, offers, refusal
from benchmark_inverse_problems.physics.noise import noise_parameter
from benchmark_inverse_problems.physics.null_space import TAU, range_projection
from benchmark_inverse_problems.physics.operators.mri import mri
from benchmark_inverse_problems.physics.operators.tomography import ParallelBeam
from benchmark_inverse_problems.physics.proximal import closed_form_prox, data_prox

VOLUMES = {
    "denoising": ((1, 6, 7, 8), {}),
    "inpainting": ((1, 6, 7, 8), {"keep": 0.5}),
}


def made(name, shape, settings):
    physics = OPERATORS[name](shape, np.random.RandomState(0), **settings)
    physics.noise_model = dinv.physics.GaussianNoise(0.01)
    return physics


CASES = [(name, *example) for name, example in EXAMPLES.items()]
CASES += [(name, *example) for name, example in VOLUMES.items()]
CASES = [case for case in CASES if facts.is_linear(made(*case))]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{len(case[1]) - 1}d")
def case(request):
    """(shape, physics, x, y) of a small example."""
    name, shape, settings = request.param
    physics = made(name, shape, settings)
    torch.manual_seed(0)
    x = torch.rand(1, *shape)
    return shape, physics, x, physics.A(x)


def test_every_operator_has_an_example():
    assert EXAMPLES.keys() == OPERATORS.keys()
    others = EXAMPLES.keys() - {name for name, *_ in CASES}
    not_linear = {"coded_diffraction", "impedance", "scattering"}
    assert others == not_linear
    assert all(OPERATORS[name].__doc__ for name in OPERATORS)


@pytest.mark.parametrize("name", OPERATORS)
def test_it_knows_the_shape_of_its_images(name):
    shape, settings = EXAMPLES[name]
    physics = made(name, shape, settings)
    if facts.is_differentiable(physics):
        y = physics.A(torch.rand(1, *shape))
        assert facts.image_shape(physics, y) == (1, *shape)


def test_an_entry_is_a_decorator(monkeypatch):
    monkeypatch.setattr("benchmark_inverse_problems.physics.catalogue.OPERATORS", {})
    entered = operator((1, 4, 4))(lambda shape, rng: None)
    assert callable(entered)
    EXAMPLES.pop("<lambda>")


def test_the_adjoint_is_the_adjoint(case):
    _, physics, x, y = case
    u = torch.randn(y.shape)
    forward, backward = (physics.A(x) * u).sum(), (x * physics.A_adjoint(u)).sum()
    assert float(forward) == pytest.approx(float(backward), rel=1e-4, abs=1e-3)


def test_its_scale_makes_the_norm_one(case):
    _, physics, x, _ = case
    for _ in range(30):
        x = physics.A_adjoint(physics.A(x / x.norm()))
    norm = facts.unit_scale(physics) * float(x.norm())
    assert 0.7 < norm < 1.1


def test_its_prox_is_optimal(case):
    _, physics, x, y = case
    prox, exact = data_prox(physics, y, tolerance=1e-6, max_iter=200)
    assert exact == (closed_form_prox(physics, y) is not None)
    z, gamma = torch.rand(x.shape), 0.7
    u = prox(z, gamma)
    gradient = gamma * physics.A_adjoint(physics.A(u) - y) + u - z
    assert float(gradient.norm() / z.norm()) < 1e-3


def test_its_range_projection_keeps_what_is_measured(case):
    _, physics, x, y = case
    project = range_projection(physics, x.shape)
    if project is None:
        torch.testing.assert_close(physics.A_adjoint(y), x)
        return
    seen, again = project(x), project(project(x))
    assert seen.shape == x.shape
    assert float((seen - again).norm() / x.norm()) < 0.2
    # The rest is nearly unmeasured.
    unseen = physics.A(x - seen).norm() * facts.unit_scale(physics) ** 0.5
    assert float(unseen / x.norm()) < 1.5 * TAU


def test_the_smooth_filter_is_the_prox_at_zero():
    shape, settings = EXAMPLES["tomography"]
    physics = made("tomography", shape, settings)
    x = torch.rand(1, *shape)
    seen = range_projection(physics, x.shape)(x)
    left = physics.A_adjoint(physics.A(seen)) + TAU**2 * seen
    right = physics.A_adjoint(physics.A(x))
    assert float((left - right).norm() / right.norm()) < 1e-3


def test_its_first_estimates_have_the_shape_of_the_image(case):
    _, physics, x, y = case
    for estimate in (initial_estimate(physics, y), direct_inverse(physics, y)):
        assert estimate.shape == x.shape and estimate.isfinite().all()
    adjoint, scale = matched_adjoint(physics, y)
    misfit = [float((physics.A(c * adjoint) - y).norm()) for c in (scale, 0.9, 1.1)]
    assert misfit[0] <= min(misfit) + 1e-5


def test_its_measurements_are_shown_in_the_range_of_a_picture(case):
    _, physics, _, y = case
    picture = facts.displayed(physics, y)
    assert picture.ndim in (y.ndim, y.ndim - 1)  # coils are shown together
    assert float(picture.min()) >= 0 and float(picture.max()) <= 1


def test_it_offers_what_methods_need(case):
    shape, physics, x, _ = case
    offered = offers(physics, x.shape)
    assert {"linear", "known operator", "real"} <= offered <= NEEDS.keys()
    assert ("2d" in offered) == (len(shape) == 3) != ("3d" in offered)
    assert "known operator" not in offers(physics, x.shape, known=False)
    assert "real" not in offers(physics, x.shape, complex=True)


def test_needs_that_are_not_met_are_one_sentence():
    assert refusal({"linear"}, {"linear", "2d"}) is None
    found = refusal({"linear", "3d"}, {"2d"})
    assert found == "needs a linear operator and volumes, with three spatial axes"
    with pytest.raises(
        ValueError, match="needs=wings is not known: use some of linear"
    ):
        refusal({"wings"}, set())


class Square(dinv.physics.Physics):
    """y = x^2, an operator that is not linear."""

    def A(self, x, **_):
        return x.square()


def test_operators_that_are_not_linear_offer_less():
    assert not facts.is_linear(Square())
    assert offers(Square(), (1, 1, 8, 8)) == {
        "known operator",
        "phases",
        "2d",
        "real",
    }


def test_noise_parameters_are_one_number_an_image():
    physics, y = dinv.physics.Denoising(), torch.ones(3, 1, 4, 4)
    physics.noise_model = dinv.physics.GaussianNoise(0.2)
    assert noise_parameter(physics, y, "sigma").tolist() == pytest.approx([0.2] * 3)
    assert noise_parameter(physics, y, "gain").tolist() == [0, 0, 0]
    own = torch.tensor([0.1, 0.2, 0.3])
    assert torch.equal(noise_parameter(physics, y, "sigma", own), own)


def test_kept_forms_die_with_their_operator():
    from benchmark_inverse_problems.physics.separable import FORMS, separable

    before = len(FORMS)
    physics = OPERATORS["downsampling"]((1, 32, 32), None, 4)
    form = separable(physics, (1, 1, 32, 32))
    assert separable(physics, (1, 1, 32, 32)) is form
    assert len(FORMS) == before + 1
    del physics
    assert len(FORMS) == before


@pytest.mark.parametrize("acceleration", MRI_CENTRE)
def test_the_centre_of_mri_lies_about_frequency_zero(acceleration):
    """At all widths: deepinv's frequency zero is column width // 2."""
    centre = MRI_CENTRE[acceleration]
    for width in range(4, 400):
        rng = np.random.RandomState(width)
        physics = mri((2, 4, width), rng, acceleration, centre)
        constant = torch.ones(1, 2, 4, width)
        assert physics.A(constant).norm() == pytest.approx(
            constant.norm().item(), rel=1e-4
        ), "a constant image is all at frequency zero"
        others = mri((2, 4, width), rng, 10**6, centre).mask[0, 0, 0]
        (columns,) = torch.where(others > 0)
        offsets = columns - width // 2
        assert len(offsets) == max(1, round(width * centre))
        odd = len(offsets) % 2
        assert abs(int(offsets.sum())) == (0 if odd else len(offsets) // 2)


def test_the_centre_of_mri_at_128():
    columns = torch.where(mri((2, 4, 128), np.random.RandomState(0), 10**6, 0.04).mask)
    assert sorted(set(columns[-1].tolist())) == [62, 63, 64, 65, 66]


def test_tomography_by_a_sparse_matrix_is_deepinvs():
    sparse, dense = ParallelBeam(24, 7), ParallelBeam(24, 7)
    dense.sparse = False
    assert sparse.sparse and not ParallelBeam(512, 180).sparse
    x = torch.rand(2, 1, 24, 24, requires_grad=True)
    y = dense.A(x)
    torch.testing.assert_close(sparse.A(x), y, rtol=1e-4, atol=1e-6)
    w = torch.rand_like(y)
    back = dense.A_adjoint(w)
    torch.testing.assert_close(sparse.A_adjoint(w), back, rtol=1e-4, atol=1e-6)
    (sparse.A(x) * w).sum().backward()
    torch.testing.assert_close(x.grad, back, rtol=1e-4, atol=1e-6)


def test_products_of_tomography_are_not_counted_as_a_networks():
    physics = ParallelBeam(24, 7)
    _, gflops = count_gflops(lambda: physics.A(torch.rand(1, 1, 24, 24)))
    assert gflops == 0
