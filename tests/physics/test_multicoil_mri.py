"""Multi-coil MRI: coils, masks and what is refused."""

import numpy as np
import pytest
import torch

from benchmark_inverse_problems.physics.operators.multicoil_mri import (
    coil_maps,
    multi_coil,
    multicoil_mri,
    variable_density,
)


def test_coils_are_smooth_and_their_squares_sum_to_one():
    maps = coil_maps((8, 16, 16), 5, np.random.RandomState(0))
    assert maps.shape == (5, 8, 16, 16) and maps.dtype == torch.complex64
    torch.testing.assert_close(maps.abs().square().sum(0), torch.ones(8, 16, 16))
    for axis in (1, 2, 3):
        assert float(maps.diff(dim=axis).abs().max()) < 0.3
    assert float((maps[0].abs() - maps[1].abs()).abs().max()) > 0.3, "they differ"


@pytest.mark.parametrize("shape", [(32, 32), (33, 48), (16, 17)])
@pytest.mark.parametrize("acceleration", [2, 4, 8, 5.5])
def test_masks_have_the_points_that_they_should(shape, acceleration):
    mask = variable_density(shape, acceleration, np.random.RandomState(0))
    assert int(mask.sum()) == round(mask.numel() / acceleration)
    assert set(mask.unique().tolist()) == {0, 1}
    assert float(mask[shape[0] // 2, shape[1] // 2]) == 1


def test_masks_grow_rarer_outwards():
    mask = variable_density((64, 64), 8, np.random.RandomState(0))
    inner = mask[16:48, 16:48].mean()
    assert float(inner) > 3 * float((mask.sum() - mask[16:48, 16:48].sum()) / 3072)


def test_the_readout_is_measured_and_all_coils_alike():
    physics = multicoil_mri((2, 6, 16, 16), np.random.RandomState(0), 4, 3)
    y = physics.A(torch.rand(1, 2, 6, 16, 16))
    assert y.shape == (1, 2, 3, 6, 16, 16)
    seen = (y != 0).all((0, 1, 2, 3))
    assert int(seen.sum()) == 64
    assert torch.equal(seen, physics.mask[0, 0, 0] > 0)


@pytest.mark.parametrize("shape", [(1, 8, 8, 8), (2, 8, 8), (3, 8, 8, 8)])
def test_what_is_no_complex_volume_is_refused(shape):
    with pytest.raises(ValueError, match="needs complex volumes"):
        multicoil_mri(shape, np.random.RandomState(0), 4, 3)


@pytest.mark.parametrize("acceleration", [300, 1e6])
def test_an_acceleration_beyond_the_centre_is_refused(acceleration):
    words = "fewer than the .* of the full centre: use at most"
    with pytest.raises(ValueError, match=words):
        variable_density((48, 48), acceleration, np.random.RandomState(0))


def test_a_mask_of_zeros_is_refused():
    maps = coil_maps((8, 8, 8), 2, np.random.RandomState(0))[None]
    with pytest.raises(ValueError, match="A mask of zeros measures nothing"):
        multi_coil(maps, torch.zeros(8, 8))
