"""Compiled networks: the same images, and no compiling where it would be wrong."""

import copy

import deepinv as dinv
import pytest
import torch

from benchmark_inverse_problems.judge.metering import count_gflops
from benchmark_inverse_problems.networks import compiled
from benchmark_inverse_problems.networks.compiled import (
    compile_parts,
    compiling,
    uncompiled,
)
from benchmark_inverse_problems.networks.drunet import MultiHeadDRUNet
from benchmark_inverse_problems.networks.precision import InBfloat16, in_fast_layout
from benchmark_inverse_problems.networks.ram import RAM
from benchmark_inverse_problems.networks.unrolled import Unrolled

# A backend that traces as the compiler does, and generates no code.
BACKEND = "eager"


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(compiled, "KEPT", type(compiled.KEPT)())
    monkeypatch.setattr(compiled, "FAILED", set())


def denoiser(backend=BACKEND, seed=0):
    torch.manual_seed(seed)
    network = MultiHeadDRUNet(widths=(4, 4, 8, 8), blocks=1).eval()
    network = in_fast_layout(network.requires_grad_(False))
    return network, compile_parts(network, backend=backend)


def image(side=16):
    generator = torch.Generator().manual_seed(side)
    return torch.rand(1, 3, side, side, generator=generator)


@torch.no_grad()
def warmed(network, *arguments):
    with compiling() as done:
        network(*arguments)
    return done


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@torch.no_grad()
def test_a_compiled_denoiser_gives_the_same_images(precision):
    network, (part,) = denoiser()
    network = network if precision == "float32" else InBfloat16(network)
    for side in (16, 19):
        x, sigma = image(side), torch.tensor(0.1)
        with uncompiled():
            plain = network(x, sigma)
        assert warmed(network, x, sigma).used
        torch.testing.assert_close(network(x, sigma), plain)
        # Another noise level needs no other graph.
        assert warmed(network, x, 2 * sigma).seconds == 0
    assert len(part.graphs) == 2


@pytest.mark.slow
@torch.no_grad()
def test_the_compiler_gives_the_same_images():
    network, _ = denoiser("inductor")
    x, sigma = image(), torch.tensor(0.1)
    plain = network(x, sigma)
    assert warmed(network, x, sigma).used
    assert (network(x, sigma) - plain).abs().max() < 1e-5 * plain.abs().max()


@pytest.mark.parametrize("name", ["denoising", "blur", "downsampling"])
@torch.no_grad()
def test_ram_is_one_graph_for_all_operators(name):
    torch.manual_seed(0)
    network = RAM(widths=(4, 4, 8, 8), light=True, blocks=1).eval()
    network.set_krylov_gain(1.0)
    (part,) = compile_parts(network.requires_grad_(False), backend=BACKEND)
    x = image()
    problems = [physics(name, seed) for seed in (0, 1)]
    with uncompiled():
        plain = [network(p.A(x), p) for p in problems]
    assert warmed(network, problems[0].A(x), problems[0]).used
    found = [network(p.A(x), p) for p in problems]
    assert len(part.graphs) == 1
    for ours, theirs in zip(found, plain, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert name == "denoising" or not torch.allclose(*plain)


def physics(name, seed):
    """An operator of a family, one a seed."""
    noise = dinv.physics.GaussianNoise(0.05)
    generator = torch.Generator().manual_seed(seed)
    if name == "denoising":
        return dinv.physics.Denoising(noise)
    kernel = torch.rand(1, 1, 5, 5, generator=generator)
    kernel = kernel / kernel.sum()
    if name == "blur":
        return dinv.physics.BlurFFT((3, 16, 16), kernel, noise_model=noise)
    return dinv.physics.Downsampling(
        (3, 16, 16), filter=kernel, factor=2, padding="circular", noise_model=noise
    )


@torch.no_grad()
def test_nothing_is_compiled_outside_of_the_untimed_pass():
    network, (part,) = denoiser()
    network(image(), torch.tensor(0.1))
    assert not part.graphs


def test_gradients_and_changed_weights_see_no_graph(monkeypatch):
    network, (part,) = denoiser()
    x, sigma = image(), torch.tensor(0.1)
    warmed(network, x, sigma)
    monkeypatch.setattr(part, "run", lambda *_: pytest.fail("a graph ran"))
    x.requires_grad_()
    network(x, sigma).sum().backward()
    assert x.grad.abs().max() > 0
    before = network(x, sigma).detach()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
        assert not torch.allclose(network(x, sigma), before)


def test_a_copy_is_not_compiled_and_has_its_own_weights():
    network, _ = denoiser()
    x, sigma = image(), torch.tensor(0.1)
    warmed(network, x, sigma)
    twin = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(0)
        assert not warmed(twin, x, sigma).used
        assert twin(x, sigma).abs().max() == 0
        assert network(x, sigma).abs().max() > 0


@torch.no_grad()
def test_the_same_network_is_compiled_once_in_a_process():
    x, sigma = image(), torch.tensor(0.1)
    seconds = [
        warmed(network, x, sigma) for network, _ in (denoiser(), denoiser(seed=1))
    ]
    assert len(compiled.KEPT) == 2  # other weights, another graph
    again, (part,) = denoiser()
    done = warmed(again, x, sigma)
    assert done.used and len(compiled.KEPT) == 2
    assert done.seconds < min(d.seconds for d in seconds)


@torch.no_grad()
def test_few_sizes_are_compiled_and_few_parts():
    network, (part,) = denoiser()
    sides = [16 + 8 * k for k in range(compiled.MOST_SIZES + 1)]
    used = [warmed(network, image(n), torch.tensor(0.1)).used for n in sides]
    assert used == [True] * compiled.MOST_SIZES + [False]
    assert compile_parts(Unrolled(tied=False)) == []


@torch.no_grad()
def test_a_failure_leaves_the_plain_network_and_one_warning():
    x, sigma = image(), torch.tensor(0.1)

    def broken(graph, inputs):
        raise RuntimeError("no compiler")

    with pytest.warns(UserWarning, match="uncompiled, as compiling failed: ") as seen:
        for seed in (0, 1):
            network, _ = denoiser(broken, seed)
            with uncompiled():
                plain = network(x, sigma)
            done = warmed(network, x, sigma)
            assert not done.used and torch.equal(network(x, sigma), plain)
    assert len(seen) == 1


@torch.no_grad()
def test_operations_are_counted_as_those_of_the_plain_network():
    network, _ = denoiser()
    x, sigma = image(), torch.tensor(0.1)
    plain = count_gflops(lambda: network(x, sigma))[1]
    warmed(network, x, sigma)
    with uncompiled():
        assert plain == count_gflops(lambda: network(x, sigma))[1] > 0
