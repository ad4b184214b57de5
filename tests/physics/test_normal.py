"""The coarse operators against deepinv's, which go through the fine grid."""

import deepinv as dinv
import pytest
import torch

from benchmark_inverse_problems.physics.normal import FineScales, multiscale

SHAPE = (3, 64, 48)
ODD = (2, 45, 70)


class PaddedBelow(dinv.physics.PhysicsCropper):
    """deepinv's padding, at the bottom and the right."""

    def remove_pad(self, x):
        height, width = (n - p for n, p in zip(x.shape[-2:], self.crop, strict=True))
        return x[..., :height, :width]

    def pad(self, x):
        return torch.nn.functional.pad(x, (0, self.crop[1], 0, self.crop[0]))


def blur(shape, size):
    kernel = torch.rand(size, generator=torch.Generator().manual_seed(1))
    return dinv.physics.BlurFFT(shape, kernel / kernel.sum((-2, -1), keepdim=True))


def downsampling(shape, factor, padding="circular", filter="bicubic"):
    return dinv.physics.Downsampling(
        img_size=shape, filter=filter, factor=factor, padding=padding
    )


PHYSICS = {
    "denoising": lambda shape: dinv.physics.Denoising(),
    "inpainting": lambda shape: dinv.physics.Inpainting(shape, 0.5),
    "masks": lambda shape: dinv.physics.Inpainting(
        shape, (torch.rand(2, *shape) < 0.5).float()
    ),
    "blur": lambda shape: blur(shape, (1, 1, 9, 12)),
    "blurs": lambda shape: blur(shape, (2, 1, 13, 13)),
    "generic": lambda shape: dinv.physics.Blur(
        torch.rand(1, 1, 5, 5) / 25, padding="circular"
    ),
}
DIVISIBLE = PHYSICS | {
    "sr2": lambda shape: downsampling(shape, 2),
    "sr4": lambda shape: downsampling(shape, 4),
    "sr8": lambda shape: downsampling(shape, 8, filter="gaussian"),
    "sr_reflect": lambda shape: downsampling(shape, 2, padding="reflect"),
    "sr_nearest": lambda shape: downsampling(shape, 2, filter=None),
    "sr_sheared": lambda shape: downsampling(shape, 2, filter=torch.rand(1, 1, 3, 3)),
}


def compare(physics, shape, scale):
    margins = [-n % 8 for n in shape[1:]]
    padded = PaddedBelow(physics, margins) if any(margins) else physics
    size = (shape[0], *(n + p for n, p in zip(shape[1:], margins, strict=True)))
    reference = dinv.physics.LinearPhysicsMultiScaler(padded, size)
    reference.set_scale(scale)
    images = [
        torch.randn(2, shape[0], *(n // 2**scale for n in size[1:])) for _ in "ab"
    ]
    expected = [4**scale * reference.A_adjoint_A(image) for image in images]
    expected = torch.cat(expected, 1)
    found = multiscale(physics, shape).normal(torch.cat(images, 1), scale)
    assert (found - expected).norm() <= 1e-5 * expected.norm()


@pytest.mark.parametrize("scale", range(4))
@pytest.mark.parametrize("name", DIVISIBLE)
def test_normal_operator_is_deepinvs(name, scale):
    torch.manual_seed(0)
    compare(DIVISIBLE[name](SHAPE), SHAPE, scale)


@pytest.mark.parametrize("scale", range(4))
@pytest.mark.parametrize("name", PHYSICS)
def test_normal_operator_of_padded_images_is_deepinvs(name, scale):
    torch.manual_seed(0)
    compare(PHYSICS[name](ODD), ODD, scale)


def test_padded_downsampling_is_deepinvs():
    for scale in range(4):
        compare(downsampling((1, 36, 60), 3), (1, 36, 60), scale)


@pytest.mark.parametrize("scale", range(4))
def test_down_is_deepinvs(scale):
    x = torch.rand(2, *SHAPE)
    reference = dinv.physics.LinearPhysicsMultiScaler(dinv.physics.Denoising(), SHAPE)
    expected = reference.downsample(x, scale=scale)
    found = multiscale(dinv.physics.Denoising(), SHAPE).down(x, scale)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_cropped_physics_takes_the_generic_way():
    cropped = dinv.physics.PhysicsCropper(blur((1, 45, 70), (1, 1, 5, 5)), (3, 2))
    assert type(multiscale(cropped, (1, 48, 72))) is FineScales
    for scale in range(4):
        compare(cropped, (1, 48, 72), scale)


@pytest.mark.parametrize("gamma", [0.1, 1000.0])
@pytest.mark.parametrize("factor", [2, 4])
def test_downsampling_prox_solves_its_normal_equations(factor, gamma):
    torch.manual_seed(0)
    physics = downsampling(SHAPE, factor)
    z = torch.rand(2, *SHAPE)
    y = torch.rand(2, 3, *(n // factor for n in SHAPE[1:]))
    scales = multiscale(physics, SHAPE)
    torch.testing.assert_close(scales.adjoint(y), physics.A_adjoint(y))
    u = scales.prox(z, y, torch.full((2, 1, 1, 1), gamma)).double()
    physics = physics.double()
    right = gamma * physics.A_adjoint(y.double()) + z
    left = gamma * physics.A_adjoint_A(u) + u
    assert (left - right).norm() <= 1e-4 * right.norm()


def test_normal_operator_is_float32_under_autocast():
    z = torch.rand(2, 3, 32, 24)
    scales = multiscale(blur(SHAPE, (1, 1, 5, 5)), SHAPE)
    expected = scales.normal(z.bfloat16(), 1)
    with torch.autocast("cpu", torch.bfloat16):
        found = scales.normal(z.bfloat16(), 1)
    assert found.dtype is torch.float32
    torch.testing.assert_close(found, expected)
