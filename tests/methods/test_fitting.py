"""Networks fitted to one measurement: the engine, its networks and its stopping."""

from collections import deque
from functools import partial

import deepinv as dinv
import numpy as np
import pytest
import torch
from torch import nn

from benchmark_inverse_problems.methods import fitting as untrained
from benchmark_inverse_problems.methods import stopping
from benchmark_inverse_problems.methods.fitting import fit, from_noise
from benchmark_inverse_problems.networks.deep_decoder import DeepDecoder
from benchmark_inverse_problems.networks.skip_network import ORIGINAL, SkipNetwork
from benchmark_inverse_problems.networks.unet import VOLUMES, UNet
from benchmark_inverse_problems.studies import stopping as study

from ..small import OPERATORS, measured, noisy, picture, psnr
from ..test_plugins import SOLVERS

Z = torch.zeros(1, 1, 4, 4)
SMALL = partial(SkipNetwork, inputs=4, widths=(8, 8), skip=2)
NETWORKS = {
    "skip": SMALL,
    "skip_original": partial(SMALL, padding_mode="reflect", pointwise=True),
    "decoder": partial(DeepDecoder, channels=8, scales=3),
}


class Picture(nn.Module):
    """A network that is an image, whatever its input."""

    def __init__(self, x):
        super().__init__()
        self.x = nn.Parameter(x.clone())
        self.offset = nn.Parameter(torch.zeros(()))
        self.inputs = []

    def forward(self, z):
        self.inputs.append(z.detach().clone())
        return self.x + self.offset


def denoising(height=16, width=20, channels=1, sigma=0.1):
    physics = dinv.physics.Denoising(dinv.physics.GaussianNoise(sigma))
    x = picture(height, width, channels)
    return x, noisy(x, sigma), physics


def collect(iterates):
    with torch.no_grad():
        return list(iterates)


def last(iterates):
    with torch.no_grad():
        return deque(iterates, maxlen=1).pop()


# --- the engine ---


def test_one_estimate_before_the_first_step_and_one_after_each():
    x, y, physics = denoising()
    network = Picture(torch.zeros_like(x))
    estimates = collect(fit(network, Z, y, physics, 0.01, 7))
    assert len(estimates) == 8
    assert torch.equal(estimates[0], torch.zeros_like(x))
    errors = [(e - y).norm() for e in estimates]
    assert all(b < a for a, b in zip(errors, errors[1:], strict=False))
    assert not any(e.requires_grad for e in estimates)
    assert len(collect(fit(network, Z, y, physics, 0.1, 0))) == 1


def test_gradients_are_off_between_the_steps():
    x, y, physics = denoising()
    with torch.no_grad():
        iterates = fit(Picture(x), Z, y, physics, 0.1, 3)
        for _ in iterates:
            assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("tv_weight", [0.0, 0.3])
def test_the_objective(tv_weight):
    x, physics, *_ = measured("sr4")[0], measured("sr4")[2]
    y = measured("sr4")[1]
    network = Picture(x)
    iterates = fit(network, Z, y, physics, 0.1, 2, tv_weight=tv_weight)
    with torch.no_grad():
        next(iterates)
        next(iterates)
    gradient = 2 * physics.A_adjoint(physics.A(x) - y) / y.numel()
    down, right = x.diff(dim=-2).sign(), x.diff(dim=-1).sign()
    variation = torch.zeros_like(x)
    variation[..., 1:, :] += down
    variation[..., :-1, :] -= down
    variation[..., 1:] += right
    variation[..., :-1] -= right
    gradient += tv_weight * variation / (x.shape[-1] * x.shape[-2])
    torch.testing.assert_close(network.x.grad, gradient, rtol=1e-4, atol=1e-8)


def test_averaging_weighs_the_outputs_geometrically():
    x, y, physics = denoising()
    outputs = collect(fit(Picture(0 * x), Z, y, physics, 0.1, 5))
    averaged = collect(fit(Picture(0 * x), Z, y, physics, 0.1, 5, average=0.7))
    weights = torch.tensor([0.7**k for k in (5, 4, 3, 2, 1, 0)])
    expected = sum(w * o for w, o in zip(weights, outputs, strict=True))
    torch.testing.assert_close(averaged[-1], expected / weights.sum())


def test_the_jitter_is_new_at_each_iteration():
    x, y, physics = denoising()
    network, z = Picture(x), torch.rand(1, 2, 40, 40)
    original = z.clone()
    torch.manual_seed(0)
    collect(fit(network, z, y, physics, 0.1, 3, jitter=0.2))
    noise = [seen - z for seen in network.inputs]
    assert torch.equal(z, original)
    assert all(abs(n.std() - 0.2) < 0.02 for n in noise)
    assert (noise[0] - noise[1]).abs().max() > 0.1
    network.inputs.clear()
    collect(fit(network, z, y, physics, 0.1, 3))
    assert all(torch.equal(seen, z) for seen in network.inputs)


def test_only_the_given_parameters_change():
    x, y, physics = denoising()
    network = Picture(x)
    collect(fit(network, Z, y, physics, 0.1, 3, parameters=[network.offset]))
    assert torch.equal(network.x, x)
    assert not network.x.requires_grad and network.x.grad is None
    assert network.offset.item() != 0


def test_clipping_limits_the_gradient():
    x, y, physics = denoising()
    for clip, smaller in ((1e-3, True), (None, False)):
        network = Picture(x)
        collect(fit(network, Z, y, physics, 0.1, 1, clip=clip))
        norm = torch.stack([p.grad.norm() for p in network.parameters()]).norm()
        assert (norm < 1.01e-3) == smaller


def test_the_operator_is_applied_in_float32():
    seen = []

    class Spy(dinv.physics.Denoising):
        def A(self, x, **kwargs):
            seen.append((x.dtype, torch.is_autocast_enabled("cpu")))
            return super().A(x, **kwargs)

    _, y, _ = denoising()
    physics = Spy(dinv.physics.GaussianNoise(0.1))
    results = []
    for bfloat16 in (True, False):
        torch.manual_seed(0)
        network = SMALL((1, 16, 20))
        z = torch.rand(network.input_shape)
        results.append(last(fit(network, z, y, physics, 0.01, 40, bfloat16=bfloat16)))
    assert set(seen) == {(torch.float32, False)}
    assert results[0].dtype == torch.float32
    assert psnr(*results) > 30


BAD = [
    ({"iterations": -1}, "must not be negative, got -1"),
    ({"average": 1.0}, r"must be in \[0, 1\), got 1.0"),
    ({"parameters": []}, "nothing to fit"),
    ({"lr": float("inf")}, "diverged: its loss is .* smaller learning rate"),
]


@pytest.mark.parametrize(("settings", "words"), BAD)
def test_bad_settings_are_refused(settings, words):
    x, y, physics = denoising()
    settings = {"lr": 0.1, "iterations": 3} | settings
    with pytest.raises(ValueError, match=words):
        collect(fit(Picture(x), Z, y, physics, **settings))


# --- the networks ---


@pytest.mark.parametrize("size", [(16, 16), (33, 47), (5, 70), (8, 9)])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_make_images_of_any_size(name, channels, size):
    network = NETWORKS[name]((channels, *size), bounded=channels != 2)
    image = network(torch.rand(network.input_shape))
    assert image.shape == (1, channels, *size)
    assert image.dtype == torch.float32
    if channels == 2:
        assert (image == 0).all()
    else:
        assert image.min() >= 0 and image.max() <= 1 and image.std() > 0


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_gets_a_gradient(name, channels):
    _, y, physics = denoising(32, 32, channels)
    network = NETWORKS[name]((channels, 32, 32), bounded=channels != 2)
    z = torch.rand(network.input_shape)
    # A complex image starts at zero: only the last layer moves in the first step.
    collect(fit(network, z, y, physics, 0.01, 2))
    for key, parameter in network.named_parameters():
        assert parameter.grad.abs().max() > 0, key


def test_complex_images_may_be_negative():
    x, y, physics = denoising(16, 16, 2)
    network = SMALL((2, 16, 16), bounded=False)
    z = torch.rand(network.input_shape)
    x_hat = last(fit(network, z, y - 0.5, physics, 0.03, 50))
    assert psnr(x_hat, x - 0.5) > 15 and x_hat.min() < -0.1


def count(network):
    return sum(p.numel() for p in network.parameters())


def test_original_sizes_are_those_of_the_papers():
    # The authors' code has biases before the normalisations too, which undo them.
    undone = 5 * (4 + 4 * 128)
    assert count(SkipNetwork((3, 512, 512), **ORIGINAL)) + undone == 2217831
    # Heckel and Hand, Section 3: k = 128, d = 6, three channels.
    assert count(DeepDecoder((3, 512, 512), channels=128)) == 100224


def test_the_deep_decoder_has_fewer_parameters_than_pixels_and_couples_none():
    network = DeepDecoder((3, 256, 256))
    assert count(network) < 3 * 256 * 256 / 7
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert {m.kernel_size for m in convolutions} == {(1, 1)}
    assert network.input_shape == (1, 64, 16, 16)


# --- from noise ---


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("network", ["skip", "decoder"])
def test_it_fits_the_measurements_of_every_operator(network, name):
    _, y, physics, _ = measured(name)
    torch.manual_seed(0)
    estimates = collect(
        from_noise(y, physics, NETWORKS[network], lr=0.03, iterations=30)
    )
    residuals = [(physics.A(e) - y).norm() for e in estimates]
    assert residuals[-1] < 0.75 * residuals[0]


def dip(y, physics, iterations=15, seed=0, **settings):
    torch.manual_seed(seed)
    settings = {"jitter": 0.01, "average": 0.9} | settings
    return last(from_noise(y, physics, SMALL, iterations=iterations, **settings))


def test_images_do_not_influence_each_other():
    _, first, physics = denoising()
    second = noisy(picture(16, 20, 1).flip(-1), 0.1)
    alone = dip(second, physics)
    dip(first, physics)
    assert torch.equal(dip(second, physics), alone)


def test_the_library_s_own_prior_leaks_from_image_to_image():
    """Why this suite has its own: `re_init` leaves deepinv's ConvDecoder as it is."""
    _, first, physics = denoising(16, 16)
    second = first.flip(-1)

    def reconstruct(*images):
        torch.manual_seed(0)
        decoder = dinv.models.ConvDecoder((1, 16, 16), channels=8, layers=4)
        prior = dinv.models.DeepImagePrior(decoder, (8, 4, 4), 15, re_init=True)
        for y in images:
            torch.manual_seed(1)
            x_hat = prior(y, physics)
        return x_hat.detach()

    assert torch.equal(reconstruct(second), reconstruct(second))
    assert (reconstruct(first, second) - reconstruct(second)).abs().max() > 0.01


def test_the_seed_decides():
    _, y, physics = denoising()
    assert torch.equal(dip(y, physics), dip(y, physics))
    assert not torch.equal(dip(y, physics), dip(y, physics, seed=1))


def test_total_variation_smooths():
    _, y, physics = denoising(32, 32)
    plain, smooth = (
        dip(y, physics, 60, jitter=0.0, tv_weight=weight, lr=0.03)
        for weight in (0.0, 1.0)
    )
    assert untrained._roughness(smooth) < 0.8 * untrained._roughness(plain)


def test_its_weight_counts_in_noise_levels_per_pixel(monkeypatch):
    weights = []
    monkeypatch.setattr(
        untrained, "fit", lambda *args, tv_weight, **kwargs: weights.append(tv_weight)
    )
    _, y, physics, _ = measured("sr4")
    from_noise(y, physics, SMALL, tv_weight=0.5)
    # 1/2 ||.||^2 + 0.5 * 0.01 * TV, over the 16 times fewer numbers of y, 3 channels.
    assert weights == [pytest.approx(2 * 0.5 * 0.01 * 16 / 3)]


# --- stopping ---


def outputs(levels, shape=(1, 1, 12, 12)):
    """An image with fresh noise of some standard deviations, one after the other."""
    random = np.random.RandomState(0)
    x = random.rand(*shape)
    return [torch.tensor(x + s * random.randn(*shape)).float() for s in levels]


def feed(rule, images, residuals=None):
    """Iterations until the rule stops, or None."""
    for k, image in enumerate(images):
        residual = residuals[k] if residuals else 0.0
        if rule.update(image, image, residual, residual):
            return k
    return None


def test_the_least_variance_is_found():
    levels = [*np.linspace(1, 0.1, 60), *np.linspace(0.1, 1, 60)]
    images = outputs(levels)
    rule = stopping.Variance(window=10, patience=25)
    stopped = feed(rule, images)
    stack = torch.stack(images)
    variances = [stack[k - 9 : k + 1].var(0).mean() for k in range(9, 120)]
    best = 9 + int(np.argmin(variances))
    assert 55 < best < 75
    assert stopped == best + 25
    assert rule.best is images[best]


def test_a_variance_that_falls_never_stops():
    images = outputs(np.geomspace(1, 1e-3, 80))
    rule = stopping.Variance(window=10, patience=5)
    assert feed(rule, images) is None
    assert rule.best is images[-1]


def test_before_the_window_is_full_the_last_estimate_is_the_result():
    images = outputs([0.1] * 5)
    rule = stopping.Variance(window=10, patience=1)
    assert feed(rule, images) is None
    assert rule.best is images[-1]


def test_the_window_holds_few_pixels():
    rule = stopping.Variance(window=3, patience=100)
    torch.manual_seed(0)
    images = outputs([0.5] * 6, (1, 3, 128, 128))
    variances = []
    for image in images:
        rule.update(image, image, 0.0, 0.0)
        variances.append(rule.least)
    held = sum(t.untyped_storage().nbytes() for t in (*rule.recent, rule.pixels))
    assert held <= rule.SKETCH * (3 * 4 + 8)
    exact = min(
        torch.stack(images[k - 2 : k + 1]).var(0).mean().item() for k in range(2, 6)
    )
    assert rule.least == pytest.approx(exact, rel=0.06)


def test_discrepancy_stops_at_the_noise():
    images = outputs([0.1] * 6)
    rule = stopping.Discrepancy(2.0, tau=1.05)
    assert feed(rule, images, [9.0, 5.0, 3.0, 2.09, 1.0, 0.5]) == 3
    assert rule.best is images[3]
    assert feed(stopping.Discrepancy(0.1), images, [9.0] * 6) is None


NOISE = {
    "gaussian": dinv.physics.GaussianNoise(0.2),
    "poisson": dinv.physics.PoissonGaussianNoise(gain=0.05, sigma=0.1),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", NOISE)
def test_the_expected_norm_of_the_noise(kind, masked):
    x = picture(64, 64)
    mask = torch.ones_like(x)
    if masked:
        mask[..., ::3] = 0
    physics = dinv.physics.Inpainting((3, 64, 64), mask=mask)
    physics.noise_model = NOISE[kind]
    torch.manual_seed(0)
    y = NOISE[kind](x) * mask
    expected = stopping.expected_noise_norm(y, physics)
    assert expected == pytest.approx((y - mask * x).norm().item(), rel=0.03)


@pytest.mark.parametrize("noise", [None, dinv.physics.GaussianNoise(0.0)])
def test_discrepancy_needs_a_noise_level(noise):
    physics = dinv.physics.Denoising()
    physics.noise_model = noise
    y = picture(16, 16)
    with pytest.raises(ValueError, match="needs a noise level"):
        dip(y, physics, stopping="discrepancy")
    assert "stopping=variance" in stopping.unsupported_rule("discrepancy", physics)
    assert stopping.unsupported_rule("variance", physics) is None
    noisy_one = dinv.physics.Denoising(NOISE["poisson"])
    assert stopping.unsupported_rule("discrepancy", noisy_one) is None
    chosen = [stopping.stopping_rule("auto", y, p, 7) for p in (physics, noisy_one)]
    assert isinstance(chosen[0], stopping.Variance) and chosen[0].patience == 7
    assert isinstance(chosen[1], stopping.Discrepancy)


def test_the_lowest_loss_wins():
    images = outputs([0.1] * 5)
    rule = stopping.LowestLoss()
    assert feed(rule, images, [5.0, 2.0, 3.0, 2.0, 4.0]) is None
    assert rule.best is images[1]


def test_bad_rules_are_refused():
    with pytest.raises(ValueError, match="got 1 and 5"):
        stopping.Variance(window=1, patience=5)
    with pytest.raises(ValueError, match="got 5 and 0"):
        stopping.Variance(window=5, patience=0)
    with pytest.raises(ValueError, match="tau must be at least 1"):
        stopping.Discrepancy(1.0, tau=0.9)
    _, y, physics = denoising()
    with pytest.raises(ValueError, match="stopping=psnr is not known: use one of auto"):
        dip(y, physics, stopping="psnr")
    with pytest.raises(ValueError, match="size=huge is not known: use one of compact"):
        untrained.architecture(SMALL, {"compact": {}}, "huge")


class Witness(stopping.LastIterate):
    """Lets other rules watch one fit to its end, and scores every estimate."""

    def __init__(self, x, rules):
        self.x, self.rules = x, rules
        self.scores, self.stopped = [], {}

    def update(self, estimate, x, residual, loss):
        self.best = estimate
        self.scores.append(psnr(estimate, self.x))
        for name, rule in self.rules.items():
            if name not in self.stopped and rule.update(estimate, x, residual, loss):
                self.stopped[name] = psnr(rule.best, self.x)
        return False


def test_the_rules_stop_near_the_best_iterate_of_a_fit_that_overfits():
    x, y, physics = denoising(48, 48, sigma=0.15)
    torch.manual_seed(0)
    network = SkipNetwork((1, 48, 48), inputs=8, widths=(32, 32))
    rules = {
        "variance": stopping.Variance(window=30, patience=60),
        "discrepancy": stopping.Discrepancy(stopping.expected_noise_norm(y, physics)),
    }
    witness = Witness(x, rules)
    z = 0.1 * torch.rand(network.input_shape)
    last(fit(network, z, y, physics, 0.01, 200, average=0.9, stopping=witness))
    best = max(witness.scores)
    assert witness.scores[-1] < best - 1
    assert witness.stopped["variance"] > best - 0.5
    assert witness.stopped["discrepancy"] > best - 0.5


def test_a_stopped_fit_ends_with_the_chosen_estimate():
    _, y, physics = denoising()

    class Third(stopping.LastIterate):
        count = 0

        def update(self, estimate, x, residual, loss):
            self.count += 1
            if self.count == 3:
                self.best = estimate
            return self.count == 6

    rule = Third()
    estimates = collect(fit(Picture(0 * y), Z, y, physics, 0.1, 50, stopping=rule))
    assert len(estimates) == 6
    assert torch.equal(estimates[-1], estimates[2])


# --- the study of stopping ---


def test_the_study_watches_the_solvers_own_fit():
    solver = SOLVERS["dip"].parameters
    assert study.SETTINGS == {name: solver[name][0] for name in study.SETTINGS}
    assert solver["patience"] == [study.PATIENCE]


def test_watched_rules_end_where_they_would_have():
    images = [torch.full((1, 1, 2, 2), float(k)) for k in range(6)]
    rules = {"early": stopping.Discrepancy(2.0), "never": stopping.Discrepancy(0.1)}
    watched = study.Watched(rules, lambda x: -abs(float(x.mean()) - 3))
    for residual, image in zip([9.0, 2.0, 1.0, 1.0, 1.0, 1.0], images, strict=True):
        assert watched.update(image, image, residual, 0.0) is False
    watched.finish()
    assert watched.stopped == {"early": (1, -2.0), "never": (5, -2.0)}
    gaps = study.gaps(
        {
            "scores": torch.tensor(watched.scores),
            "stopped": {"discrepancy": (1, -2.0), "variance": (4, -1.0)},
        }
    )
    assert gaps == {
        "best": 0,
        "at iteration": 3,
        "discrepancy": 2,
        "variance": 1,
        "last iterate": 2,
    }


def test_the_study_of_stopping_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    arguments = ["--folder", str(tmp_path), "--iterations", "3"]
    arguments += ["--images", "1", "--crop", "32"]
    study.main(arguments)
    first = capsys.readouterr().out
    for word in ("denoising, astronaut", "median, inpainting", "variance"):
        assert word in first
    monkeypatch.setattr(study, "watch", pytest.fail)
    study.main(arguments)
    assert capsys.readouterr().out == first


def test_small_images_are_fitted_in_float32():
    """torch's gradient in bfloat16 is wrong where a layer has two voxels a side."""
    physics = dinv.physics.Denoising(dinv.physics.GaussianNoise(0.1))
    y = torch.rand(1, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    found = []
    for bfloat16 in (True, False):
        torch.manual_seed(0)
        iterates = fit(UNet(**VOLUMES), y, y, physics, 1e-3, 4, bfloat16=bfloat16)
        found.append(last(iterates))
    assert torch.equal(*found)
