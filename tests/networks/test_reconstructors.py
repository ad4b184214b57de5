"""Unrolled networks and PDNet, and the tasks that all reconstructors learn from."""

import deepinv as dinv
import numpy as np
import pytest
import torch

from benchmark_inverse_problems.networks.drunet import MultiHeadDRUNet
from benchmark_inverse_problems.networks.pdnet import PDNet
from benchmark_inverse_problems.networks.ram import RAM
from benchmark_inverse_problems.networks.unrolled import Unrolled
from benchmark_inverse_problems.problems.images import IMAGE_SETS
from benchmark_inverse_problems.training import mixed_loss
from benchmark_inverse_problems.training import random_problems as tasks
from benchmark_inverse_problems.training.loop import autocast

from ..small import OPERATORS, measured, picture, psnr

NARROW = (8, 8, 8, 8)
NETWORKS = {
    "hqs": lambda: Unrolled("hqs", widths=NARROW, iterations=3),
    "pgd": lambda: Unrolled("pgd", widths=NARROW, iterations=3),
    "hqs_untied": lambda: Unrolled("hqs", False, widths=NARROW, iterations=3),
    "pgd_untied": lambda: Unrolled("pgd", False, widths=NARROW, iterations=3),
    "pdnet": lambda: PDNet(iterations=3),
    "ram": lambda: RAM(widths=NARROW, light=True),
    "base": lambda: RAM(widths=NARROW, variant="base"),
}


def build(name):
    torch.manual_seed(0)
    return NETWORKS[name]().eval()


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_every_operator_and_size(name, operator):
    x, y, physics, _ = measured(operator)
    estimate = build(name)(y, physics)
    assert estimate.shape == x.shape
    assert estimate.isfinite().all()


@pytest.mark.parametrize("operator", ["blur", "sr4", "mri", "tomography"])
@pytest.mark.parametrize("name", ["hqs", "pgd", "pdnet"])
@torch.no_grad()
def test_scale(name, operator):
    """f(a y, a sigma) = a f(y, sigma)."""
    _, y, physics, _ = measured(operator)
    network = build(name)
    expected = 3 * network(y, physics)
    physics.noise_model = dinv.physics.GaussianNoise(3 * physics.noise_model.sigma)
    found = network(3 * y, physics)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["hqs", "pgd", "hqs_untied", "pgd_untied", "pdnet"])
def test_every_parameter_gets_a_gradient(name):
    network = build(name)
    for operator in ("blur", "tomography", "mri"):  # 3, 1 and 2 channels
        _, y, physics, _ = measured(operator)
        loss = network(y, physics).square().mean()
        loss.backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, key


@torch.no_grad()
def test_unrolled_networks_start_as_plug_and_play():
    """With a perfect denoiser of a known image the result is that image."""
    x, y, physics, _ = measured("blur")
    for algorithm in ("hqs", "pgd"):
        network = Unrolled(algorithm, widths=NARROW)
        network.denoisers[0].forward = lambda z, sigma, x=x: x
        assert torch.equal(network(y, physics), x)
        # With the identity instead only the data steps are left: the residual falls.
        network.denoisers[0].forward = lambda z, sigma: z
        residual = (physics.A(network(y, physics)) - y).norm()
        assert residual < 0.9 * (physics.A(physics.A_adjoint(y)) - y).norm()


@torch.no_grad()
def test_levels_are_those_of_dpir():
    _, y, physics, _ = measured("blur")
    network, levels = Unrolled("hqs", widths=NARROW), []
    network.denoisers[0].forward = lambda z, sigma: levels.append(sigma.item()) or z
    network(y, physics)
    peak = physics.A_adjoint(y).abs().max().item()
    assert levels[0] == pytest.approx(49 / 255 * peak, rel=1e-4)
    assert levels[-1] == pytest.approx(0.05, rel=1e-4)
    ratios = np.array(levels[1:]) / np.array(levels[:-1])
    assert np.ptp(ratios) < 1e-4


@torch.no_grad()
def test_tied_start_from_the_denoiser():
    torch.manual_seed(0)
    denoiser = MultiHeadDRUNet(widths=NARROW)
    network = Unrolled("pgd", widths=NARROW, iterations=1)
    network.start_from_denoiser(denoiser.state_dict())
    y = picture(32, 32)
    # One step of gradient descent from y stays at y.
    found = network(y, sigma=49 / 255 * float(y.max()))
    expected = denoiser(y, 49 / 255 * float(y.max()))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_parts_of_complex_images_are_denoised_as_gray_images():
    network = Unrolled("pgd", widths=NARROW, iterations=1)
    y = 3 * (2 * picture(32, 32)[:, :2] - 1)
    peak = y.abs().max()
    found = network(y, sigma=0.0)
    for part, image in zip(y.split(1, 1), found.split(1, 1), strict=True):
        gray = (part / peak + 1) / 2
        expected = network.denoisers[0](gray, 49 / 255 / 2)
        torch.testing.assert_close(
            image, peak * (2 * expected - 1), rtol=1e-4, atol=1e-4
        )
    assert network(0 * y).isfinite().all()


def test_unknown_words():
    with pytest.raises(ValueError, match="use one of hqs, pgd"):
        Unrolled("admm")
    with pytest.raises(ValueError, match="heads for .* got an image with 4"):
        build("pdnet")(torch.rand(1, 4, 16, 16))


@torch.no_grad()
@pytest.mark.parametrize("name", NETWORKS)
def test_problems_in_one_batch_are_independent(name):
    cases = [measured(operator) for operator in ("blur", "inpainting", "denoising")]
    network = build(name)
    together = network.solve([network.prepare(y, p) for _, y, p, _ in cases])
    alone = torch.cat([network(y, p) for _, y, p, _ in cases])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("step", [0, 1, 3, 4, 7])
def test_steps_depend_on_their_number_only(sampler, step):
    network = build("base")
    first, again = (
        mixed_loss.loss(network, tasks.draw(sampler, step), step).item()
        for _ in range(2)
    )
    assert first == again
    assert np.isfinite(first)
    # Colour, gray, complex, large and phantoms.
    _, x, shares = tasks.batch(sampler, step)
    assert len(x) == sum(shares.values())
    assert x.shape[1] == {0: 3, 1: 1, 3: 2, 4: 3, 7: 1}[step]
    assert x.shape[2] == (32 if step < 2 else 128)


@pytest.mark.parametrize("step", [0, 3, 4])
def test_copies_multiply_every_task(sampler, step):
    _, _, shares = tasks.batch(sampler, step)
    _, x, larger = tasks.batch(sampler, step, copies=2)
    assert larger == {task: 2 * n for task, n in shares.items()}
    assert len(x) == sum(larger.values())


def test_without_large_tasks_all_photographs_have_one_size(sampler):
    _, x, shares = tasks.batch(sampler, 4, large_tasks=())
    assert shares == tasks.SHARES
    assert x.shape[2] == sampler.patch


def test_the_last_steps_have_the_norm_of_psnr(sampler):
    """The root mean square of an error is above its mean absolute value."""
    network = build("base")
    data = tasks.draw(sampler, 1)
    absolute, square, still_absolute = (
        mixed_loss.loss(network, data, 1, l1_steps=steps).item()
        for steps in (np.inf, 1, 2)
    )
    assert still_absolute == absolute < square


@pytest.mark.parametrize("name, lr", [("hqs", 5e-3), ("pdnet", 1e-3), ("ram", 5e-3)])
def test_the_loss_falls(sampler, name, lr):
    network = build(name).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    shares = {"denoising": 1, "inpainting": 1, "sr2": 1, "motion": 1}
    data = tasks.draw(sampler, 0, shares=shares)
    losses = []
    for step in range(40):
        loss = mixed_loss.loss(network, data, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_phantoms_of_training_are_no_phantoms_of_problems():
    training = tasks.phantoms(1)
    known = {
        IMAGE_SETS[name].open()[i][1].numpy().tobytes()
        for name in ("ellipses", "ellipses_tuning")
        for i in range(4)
    }
    x = training.validation()[:3]
    assert not {image[None].numpy().tobytes() for image in x} & known


@torch.no_grad()
def test_pdnet_starts_nearer_than_the_adjoint():
    x, y, physics, _ = measured("tomography")
    network = build("pdnet")
    problem = network.prepare(y, physics)
    assert psnr(network.start(problem), x) > psnr(problem.adjoint, x) + 5


@torch.no_grad()
def test_networks_in_bfloat16_stay_close():
    _, y, physics, _ = measured("blur")
    for name in ("hqs", "pdnet", "ram"):
        network = build(name)
        exact = network(y, physics)
        with autocast(y.device):
            rounded = network(y, physics).float()
        assert psnr(exact, rounded) > 30, name


@torch.no_grad()
def test_few_conjugate_gradients_leave_the_physics_alone(monkeypatch):
    """deepinv's physics would keep the number for every later solver."""
    _, y, physics, _ = measured("tomography")
    before = physics.max_iter
    used = []
    solve = dinv.physics.forward.least_squares_implicit_backward

    def recorded(*arguments, max_iter, **settings):
        used.append(max_iter)
        return solve(*arguments, max_iter=max_iter, **settings)

    monkeypatch.setattr(
        "deepinv.physics.forward.least_squares_implicit_backward", recorded
    )
    build("hqs")(y, physics)
    assert used == [Unrolled.cg_iterations] * 3
    assert physics.max_iter == before
