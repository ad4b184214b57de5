"""Operators in parts, which processes share."""

import numpy as np
import pytest
import torch
from deepinv.distributed import DistributedContext

from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.physics.facts import family
from benchmark_inverse_problems.physics.parts import parts, shared, shares

CASES = {
    "cone_beam": ((1, 12, 12, 12), {"views": 5}),
    "multicoil_mri": ((2, 12, 12, 12), {"acceleration": 3, "coils": 3}),
}


@pytest.fixture(params=CASES)
def physics(request):
    shape, settings = CASES[request.param]
    return OPERATORS[request.param](shape, np.random.RandomState(0), **settings)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_the_parts_measure_what_the_whole_measures(physics, count):
    channels = 1 if family(physics) == "cone_beam" else 2
    x = torch.rand(1, channels, 12, 12, 12, generator=torch.manual_seed(0))
    y = torch.cat([part.A(x) for part in parts(physics, count)], 2)
    torch.testing.assert_close(y, physics.A(x))
    back = sum(
        part.A_adjoint(share)
        for part, share in zip(
            parts(physics, count),
            y.tensor_split(len(parts(physics, count)), 2),
            strict=True,
        )
    )
    torch.testing.assert_close(back, physics.A_adjoint(y), rtol=1e-4, atol=1e-5)


def test_one_process_shares_with_itself(physics):
    channels = 1 if family(physics) == "cone_beam" else 2
    x = torch.rand(1, channels, 12, 12, 12, generator=torch.manual_seed(0))
    with DistributedContext(device_mode="cpu") as context:
        both = shared(physics, context)
        assert type(both) is type(physics)
        y = both.A(x)
        torch.testing.assert_close(y, physics.A(x))
        torch.testing.assert_close(both.A_adjoint(y), physics.A_adjoint(y))
        found, expected = both.A_adjoint_A(x), physics.A_adjoint(y)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_shares_cover_and_are_nearly_equal():
    for length, count in ((7, 2), (3, 5), (8, 4)):
        found = shares(length, count)
        covered = [i for part in found for i in range(part.start, part.stop)]
        assert covered == list(range(length))
        sizes = [part.stop - part.start for part in found]
        assert max(sizes) - min(sizes) <= 1


def test_other_operators_are_refused():
    physics = OPERATORS["gaussian_blur"]((1, 16, 16), np.random.RandomState(0), std=1)
    with pytest.raises(ValueError, match="cannot be shared by several processes"):
        parts(physics, 2)
