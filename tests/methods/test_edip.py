"""EDIP: its U-Net, its recipes, its fit and the study of pretraining, all small."""

import copy
import math
from functools import partial

import pytest
import torch
from benchopt.benchmark import Benchmark
from torch.func import functional_call

from benchmark_inverse_problems.commands import train as training
from benchmark_inverse_problems.methods import edip as method
from benchmark_inverse_problems.methods.edip import (
    edip,
    fine_tune,
    load_unet,
)
from benchmark_inverse_problems.networks import weights
from benchmark_inverse_problems.networks.unet import ORIGINAL, GrayUNet, UNet
from benchmark_inverse_problems.physics.initial_estimate import direct_inverse
from benchmark_inverse_problems.problems import images
from benchmark_inverse_problems.problems.phantoms import ellipses
from benchmark_inverse_problems.studies import pretraining
from benchmark_inverse_problems.studies.jacobian import singular_values
from benchmark_inverse_problems.training import data, edip_ct
from benchmark_inverse_problems.training import edip as edip_pictures
from benchmark_inverse_problems.training.data import PhantomSampler

from ..conftest import ROOT
from ..small import measured, psnr
from ..test_plugins import SOLVERS, reconstruct
from ..tiny import tiny_problem

SMALL = {"widths": (8, 8, 8), "skips": (4, 0)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of weights that the solver and the study read instead of the bundled ones."""
    load = partial(weights.load_weights, folder=tmp_path)
    monkeypatch.setattr(method, "load_weights", load)
    checksum = partial(weights.checksum, folder=tmp_path)
    monkeypatch.setattr(pretraining, "checksum", checksum)
    return tmp_path


@pytest.fixture
def educated(folder):
    """Weights of untrained networks, in that folder."""
    torch.manual_seed(5)
    for name, channels in (("edip_ct", 1), ("edip", 3)):
        path = folder / f"{name}.safetensors"
        weights.save_weights(UNet(channels, channels).state_dict(), path, {})
    return folder


@pytest.mark.parametrize("size", [(33, 57), (16, 16), (5, 2)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_network_takes_any_size(size, channels):
    network = UNet(channels, channels)
    assert network(torch.zeros(2, channels, *size)).shape == (2, channels, *size)
    assert sum(p.numel() for p in network.parameters()) < 700_000


def test_the_original_size():
    network = UNet(**ORIGINAL)
    assert len(network.encoder) == 6
    assert 2.9e6 < sum(p.numel() for p in network.parameters()) < 3.1e6
    assert [skip is not None for skip in network.skips] == [0, 0, 0, 1, 1]


def test_skips_that_do_not_fit():
    with pytest.raises(ValueError, match="3 scales has 2 skips and got 4"):
        UNet(widths=(4, 4, 4))


def test_every_parameter_matters():
    torch.manual_seed(0)
    network = UNet(**SMALL)
    network(torch.randn(1, 1, 16, 16)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_gray_images_on_a_network_of_colour_ones():
    network = UNet(3, 3, **SMALL)
    z = torch.rand(1, 1, 20, 17)
    expected = network(z.repeat(1, 3, 1, 1)).mean(1, keepdim=True)
    torch.testing.assert_close(GrayUNet(network)(z), expected)


def test_the_input_of_tomography_is_the_filtered_back_projection():
    x, y, physics, _ = measured("tomography")
    z = direct_inverse(physics, y)
    assert torch.equal(z, physics.fbp(y))
    assert psnr(z, x) > psnr(physics.A_adjoint(y), x)


def fitted(**settings):
    """A network before and after a fit to a small tomography, and the estimates."""
    x, y, physics, _ = measured("tomography")
    torch.manual_seed(0)
    network = UNet(**SMALL)
    before = copy.deepcopy(network.state_dict())
    with torch.no_grad():
        z = direct_inverse(physics, y)
        estimates = [e.clone() for e in fine_tune(network, z, y, physics, **settings)]
    return before, network.state_dict(), estimates, (x, y, physics)


def test_a_fit_approaches_the_measurement():
    _, _, estimates, (x, y, physics) = fitted(iterations=40, lr=3e-3)
    assert len(estimates) == 41
    assert psnr(physics.A(estimates[-1]), y) > psnr(physics.A(estimates[0]), y) + 10
    assert psnr(estimates[-1], x) > psnr(estimates[0], x) + 5


def test_total_variation_smooths():
    def variation(x):
        return float(x.diff(dim=-1).abs().sum() + x.diff(dim=-2).abs().sum())

    rough, smooth = (
        variation(fitted(iterations=25, lr=3e-3, tv_weight=w)[2][-1]) for w in (0, 20)
    )
    assert smooth < 0.8 * rough


@pytest.mark.parametrize("frozen", [False, True])
def test_a_frozen_encoder_is_frozen(frozen):
    before, after, _, _ = fitted(iterations=2, frozen_encoder=frozen)
    for name in before:
        kept = torch.equal(before[name], after[name])
        assert kept == (frozen and name.startswith("encoder")), name


def test_images_do_not_share_weights():
    x, y, physics, _ = measured("tomography")
    network = UNet(**SMALL)
    with torch.no_grad():
        first, second = (list(edip(y, physics, network, iterations=3)) for _ in "ab")
    assert torch.equal(first[-1], second[-1])
    assert not torch.equal(first[-1], first[0])


def test_an_unknown_input():
    _, y, physics, _ = measured("tomography")
    with pytest.raises(ValueError, match="input=adjoint is not known: use one of"):
        edip(y, physics, UNet(), "adjoint")


def test_missing_weights(folder):
    _, _, physics, _ = measured("tomography")
    with pytest.raises(FileNotFoundError, match="edip_ct.safetensors are missing"):
        load_unet("bundled", physics, 1)
    with pytest.raises(ValueError, match="weights=published is not known"):
        load_unet("published", physics, 1)
    with pytest.raises(ValueError, match="size=huge is not known"):
        load_unet("bundled", physics, 1, "huge")


def test_the_original_size_is_trained_on_demand(educated):
    _, _, physics, _ = measured("tomography")
    with pytest.raises(FileNotFoundError, match="train edip_ct_original"):
        load_unet("bundled", physics, 1, "original")
    for name in ("edip", "edip_ct"):
        compact, original = (
            training.recipes()[f"{name}{s}"] for s in ("", "_original")
        )
        counts = [
            sum(p.numel() for p in r.build().parameters()) for r in (compact, original)
        ]
        assert counts[0] < 200_000 and counts[1] > 2_900_000
        assert original.steps > 10 * compact.steps


@pytest.mark.parametrize("task", ["ct", "denoise", "inpaint", "sr_matlab"])
@pytest.mark.parametrize("start", ["pseudoinverse", "noise"])
def test_the_solver(educated, task, start):
    problem = tiny_problem(task)
    found = reconstruct("edip", problem, iterations=2, input=start)
    network = load_unet("bundled", problem.observe(0).physics, 1 if task == "ct" else 3)
    assert found[0].parameters == sum(p.numel() for p in network.parameters())
    assert found[0].iterations == 2
    again = reconstruct("edip", problem, iterations=2, input=start)
    assert torch.equal(found[-1].x_hat, again[-1].x_hat)


def test_the_solver_refuses_complex_images():
    solver = SOLVERS["edip"].get_instance()
    assert solver.refusal(tiny_problem("mri").observe(0)) == "needs real images"


def loss(recipe, network, source, step):
    """The loss of a step of a recipe."""
    return recipe.loss(network, recipe.draw(source, step), step)


def learns(recipe, network, source):
    """The loss of one batch before and after some steps on it."""
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(15):
        losses.append(loss(recipe, network, source, 0))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    return losses[0].item(), losses[-1].item()


def test_the_recipe_of_pictures(sampler):
    torch.manual_seed(0)
    network = UNet(3, 3, **SMALL)
    first, last = learns(edip_pictures, network, sampler)
    assert last < 0.5 * first
    one, two = (loss(edip_pictures, network, sampler, 7).item() for _ in range(2))
    assert one == two
    assert one != loss(edip_pictures, network, sampler, 8).item()
    with torch.no_grad():
        scores = edip_pictures.validate(network, sampler)
    assert set(scores) == {
        "denoising",
        "gaussian",
        "motion",
        "sr2",
        "sr4",
        "inpainting",
    }
    assert all(math.isfinite(score) for score in scores.values())


def test_the_recipe_of_phantoms(monkeypatch):
    monkeypatch.setattr(edip_ct, "BATCH", 2)
    monkeypatch.setattr(data, "HELD_OUT", 1)
    source = PhantomSampler(count=2)
    torch.manual_seed(0)
    network = UNet(**SMALL)
    first, last = learns(edip_ct, network, source)
    assert last < 0.5 * first
    losses = [
        loss(edip_ct, network, s, 3).item() for s in (source, PhantomSampler(count=2))
    ]
    assert losses[0] == losses[1] != loss(edip_ct, network, source, 4).item()
    with torch.no_grad():
        assert set(edip_ct.validate(network, source)) == {"angles_20", "angles_60"}


def test_training_phantoms_are_never_scored():
    scored = {
        name: [x for _, x in images.open_images(name)]
        for name in ("ellipses", "ellipses_tuning")
    }
    seeds = range(data.FIRST_PHANTOM, data.FIRST_PHANTOM + 2048 + data.HELD_OUT)
    assert min(seeds) > 4000 > 3003  # the last seed of `images.py`
    source = PhantomSampler(count=2)
    for x in source.batch(source.rng(0), 2).split(1):
        others = [y for group in scored.values() for y in group]
        assert min(float((x - y).abs().max()) for y in others) > 0.1
    held_out = source.validation()
    drawn = [ellipses(data.FIRST_PHANTOM + i) for i in range(2)]
    assert not any(torch.equal(x, y[0]) for x in held_out for y in drawn)


def test_singular_values_of_the_true_jacobian():
    torch.manual_seed(0)
    network = UNet(widths=(4, 4, 4), skips=(2, 2)).double()
    z = torch.randn(1, 1, 11, 13, dtype=torch.float64)
    parameters = dict(network.named_parameters())

    def output(*values):
        values = dict(zip(parameters, values, strict=True))
        return functional_call(network, values, (z,)).flatten()

    blocks = torch.autograd.functional.jacobian(output, tuple(parameters.values()))
    jacobian = torch.cat([block.flatten(1) for block in blocks], 1)
    expected = torch.linalg.svdvals(jacobian)
    find = partial(singular_values, network, z)
    few = find(20, powers=4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(few[:10], expected[:10], rtol=1e-3, atol=0)
    assert (few <= expected[:20] * (1 + 1e-9)).all()
    # With as many directions as rows there is nothing to estimate.
    torch.testing.assert_close(find(1000), expected)
    assert all(p.requires_grad for p in network.parameters())


def test_rise_and_steady_psnr_of_a_known_curve():
    psnr = [10.0, 20.0, 29.8, 29.95, 29.0] + [30.0] * 5
    assert pretraining.steady(psnr) == 30.0
    assert pretraining.rise(psnr, 30.0) == 3
    assert pretraining.rise(psnr, 10.0) == 0
    assert pretraining.rise(psnr, 31.0) is None


def test_a_summary_of_known_fits():
    def run(offset):
        psnr = torch.tensor([5.0 + offset, 15.0, *[20.0 + offset] * 8])
        return {"psnr": psnr, "seconds": torch.arange(10) / 2}

    slow = run(0)
    never = {"psnr": torch.zeros(10), "seconds": torch.arange(10) / 2}
    rows = pretraining.summarise(
        {"DIP": [slow] * 3, "EDIP": [run(10), run(1), run(1)], "bad": [never] * 3}
    )
    assert rows["DIP"]["rise (iterations)"] == 2 and rows["DIP"]["rise (s)"] == 1.0
    assert rows["EDIP"]["steady PSNR"] == 21.0
    assert math.isinf(rows["bad"]["rise (s)"])


def test_the_error_in_the_null_space():
    problem = tiny_problem("ct")
    x, observation = problem.truth(0), problem.observe(0)
    for factor, expected in ((1, 0), (0, 1), (-2, 3)):
        found = pretraining.unseen_error(factor * x, x, observation)
        assert found == pytest.approx(expected, abs=0.05)
    # The brightness is seen, noise is not.
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    assert pretraining.unseen_error(x + 0.1, x, observation) < 0.3
    assert pretraining.unseen_error(x + 0.1 * noise, x, observation) > 0.5
    assert pretraining.misfit(x, observation) == pytest.approx(1, rel=0.05)


def test_the_photographs_of_the_study():
    problem = pretraining.gallery_problem()
    assert len(problem) == 1 + len(images.open_images("bundled"))
    x = problem.truth(1)
    assert x.shape == (1, 1, 128, 128) and 0 <= float(x.min()) < float(x.max()) <= 1


def test_the_first_seed_is_the_suites_problem():
    suite = Benchmark(ROOT)
    (phantom_ct,) = (d for d in suite.get_datasets() if d.name == "phantom_ct")
    chosen = phantom_ct.get_instance(images="shepp_logan", angles=20)
    problem = chosen.get_data()["problem"]
    first, second = (pretraining.shepp_logan(2).observe(i) for i in range(2))
    assert torch.equal(first.y, problem.observe(0).y)
    assert not torch.equal(first.y, second.y)


def test_the_study_goes_on_where_it_stopped(educated, tmp_path, monkeypatch, capsys):
    names = ("DIP", "EDIP")
    methods = {name: pretraining.METHODS[name] for name in names}
    monkeypatch.setattr(pretraining, "METHODS", methods)
    two = pretraining.gallery_problem()
    two.images = two.images.first(2)
    monkeypatch.setattr(pretraining, "gallery_problem", lambda: two)
    monkeypatch.setattr(pretraining, "unseen_error", lambda *_: 0.5)
    values = torch.tensor([2.0, 1.0])
    monkeypatch.setattr(pretraining, "singular_values", lambda *_, **__: values)
    arguments = ["--folder", str(tmp_path / "study"), "--iterations", "2"]
    arguments += ["--gallery_iterations", "2", "--seeds", "1", "--rank", "2"]
    pretraining.main(arguments)
    first = capsys.readouterr().out
    for word in ("| DIP |", "| EDIP |", "astronaut", "mean of the photographs"):
        assert word in first
    page = (tmp_path / "study" / "pretraining.html").read_text()
    assert (
        "https://cdn" not in page.split("<script")[0] and page.count("<figure>") == 14
    )
    monkeypatch.setattr(pretraining, "fit", None)
    monkeypatch.setattr(pretraining, "spectrum", None)
    pretraining.main(arguments)
    assert capsys.readouterr().out == first


def test_training_on_pictures_needs_a_folder(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        training.main(["edip"])
    assert (
        "edip learns from images: give folders with --data" in capsys.readouterr().err
    )
