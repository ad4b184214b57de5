"""Random numbers do not depend on the device or on how a tensor lies in memory."""

import torch

from benchmark_inverse_problems.support.random import normal_like


def test_numbers_are_those_of_torch_on_the_cpu():
    for dtype in (torch.float32, torch.complex64):
        x = torch.zeros(2, 3, 4, 4, dtype=dtype)
        torch.manual_seed(1)
        expected = torch.randn_like(x)
        torch.manual_seed(1)
        assert torch.equal(normal_like(x), expected)


def test_the_result_is_like_the_tensor():
    x = torch.zeros(1, 3, 8, 8).to(memory_format=torch.channels_last)
    found = normal_like(x)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert normal_like(x.double()).dtype == torch.float64
    assert normal_like(torch.empty(2, device="meta")).device.type == "meta"
