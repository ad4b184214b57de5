"""Networks in bfloat16: kernels rounded once, filters that keep their sums."""

import copy

import pytest
import torch

from benchmark_inverse_problems.networks.drunet import MultiHeadDRUNet
from benchmark_inverse_problems.networks.precision import InBfloat16, round_kernel


@pytest.mark.parametrize("shape", [(7, 5, 3, 3), (4, 1, 2, 2), (2, 3, 3, 3, 3)])
def test_rounded_kernels_keep_the_sums_of_their_filters(shape):
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randn(shape, generator=generator)
    found = round_kernel(kernel)
    assert found.shape == shape and found.dtype == kernel.dtype
    assert torch.equal(found, found.bfloat16().float())
    # No value moves by more than the distance of two neighbours in bfloat16.
    assert ((found - kernel).abs() <= 2.0**-7 * kernel.abs().clamp_min(1)).all()
    misses = [
        (k.flatten(2).sum(-1) - kernel.flatten(2).sum(-1)).abs().mean()
        for k in (found, kernel.bfloat16().float())
    ]
    assert misses[0] < misses[1] / 4


def test_kernels_without_neighbours_are_rounded_to_the_nearest():
    kernel = torch.randn(6, 4, 1, 1, generator=torch.Generator().manual_seed(0))
    assert torch.equal(round_kernel(kernel), kernel.bfloat16().float())


def test_first_and_last_convolutions_keep_float32():
    network = MultiHeadDRUNet()
    before = copy.deepcopy(network.state_dict())
    InBfloat16(network)
    for name, tensor in network.state_dict().items():
        kept = torch.equal(tensor, before[name])
        assert kept == name.startswith(("m_head", "m_tail")), name
