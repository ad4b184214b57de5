"""Wavelet sparsity reaches the minimum of its objective on every operator."""

import deepinv as dinv
import numpy as np
import pytest
import torch
from deepinv.physics import (
    MRI,
    BlurFFT,
    Denoising,
    Downsampling,
    DownsamplingMatlab,
    Inpainting,
    Tomography,
)
from skimage.data import astronaut

from benchmark_inverse_problems.methods.total_variation import objective
from benchmark_inverse_problems.methods.wavelet import (
    WAVELETS,
    details,
    details_adjoint,
    wavelet,
)


@pytest.fixture(autouse=True)
def one_thread():
    # Images this small lose more to a second thread than they gain.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def picture(height, width, channels=3):
    face = torch.tensor(astronaut() / 255, dtype=torch.float32).permute(2, 0, 1)[None]
    return face[:, :channels, 60 : 60 + 2 * height : 2, 180 : 180 + 2 * width : 2]


def psnr(a, b):
    return -10 * (a - b).square().mean().log10().item()


def operator(name):
    """(truth, physics, noise level, weight) of a small problem."""
    random = np.random.RandomState(0)
    blur = dinv.physics.functional.gaussian_blur(sigma=(1.5, 1.5))
    if name == "denoising":
        return picture(45, 70), Denoising(), 0.1, 0.1
    if name == "blur":
        return picture(45, 70), BlurFFT(img_size=(3, 45, 70), filter=blur), 0.05, 0.01
    if name == "sr4":
        size = {"img_size": (3, 48, 64), "filter": "bicubic", "padding": "circular"}
        return picture(48, 64), Downsampling(factor=4, **size), 0.01, 0.002
    if name == "matlab3":
        return picture(48, 48), DownsamplingMatlab(factor=3), 0.0, 1e-3
    if name in ("inpainting", "lines"):
        shape = (1, 45, 70) if name == "inpainting" else (1, 45, 1)
        mask = torch.tensor(random.rand(*shape) > 0.5).float().expand(1, 45, 70)
        return picture(45, 70), Inpainting((3, 45, 70), mask=mask), 0.01, 0.01
    if name == "tomography":
        settings = {"normalize": True, "adjoint_via_backprop": True}
        physics = Tomography(angles=20, img_width=32, **settings)
        return picture(32, 32, 1), physics, 0.01, 0.005
    mask = torch.tensor(random.rand(48) > 0.6).float()
    mask[20:28] = 1
    mask = mask.expand(1, 2, 48, 48).contiguous()
    return picture(48, 48, 2), MRI(mask=mask, img_size=(2, 48, 48)), 0.01, 0.005


OPERATORS = [
    "denoising",
    "blur",
    "sr4",
    "matlab3",
    "inpainting",
    "lines",
    "tomography",
    "mri",
]


def measured(name):
    x, physics, sigma, weight = operator(name)
    physics.noise_model = dinv.physics.GaussianNoise(sigma)
    y = physics.A(x)
    noise = np.random.RandomState(1).randn(*y.shape)
    y = y + sigma * torch.tensor(noise, dtype=torch.float32)
    return x, (y * physics.mask if name == "mri" else y), physics, weight


@pytest.mark.parametrize("name", OPERATORS)
def test_it_converges(name):
    x, y, physics, weight = measured(name)
    # Tomography needs the slow solver: 25 of its iterations against 60.
    slow = name == "tomography"
    x_hat = wavelet(y, physics, weight, max_iter=250 if slow else 1000)
    reference = wavelet(y, physics, weight, tolerance=0, max_iter=600 if slow else 400)
    reached, least = (
        objective(image, y, physics, WAVELETS, weight) for image in (x_hat, reference)
    )
    assert abs(reached / least - 1) < 1e-3
    assert abs(psnr(x_hat, x) - psnr(reference, x)) < 0.05
    # It is a minimum: any move away from it costs.
    for move in (x - reference, reference - x, reference):
        moved = reference + 0.03 * move
        assert objective(moved, y, physics, WAVELETS, weight) > least


@pytest.mark.parametrize("shape", [(32, 32), (45, 70), (9, 14)])
def test_the_transform_is_bounded_and_has_its_adjoint(shape):
    random = np.random.RandomState(0)
    x = torch.tensor(random.randn(1, 3, *shape)).float()
    coefficients = details(x)
    u = torch.tensor(random.randn(*coefficients.shape)).float()
    left, right = (coefficients * u).sum(), (x * details_adjoint(u)).sum()
    torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-3)
    assert coefficients.square().sum() <= WAVELETS.squared_norm * x.square().sum()


def test_the_norm_does_not_see_shifts_nor_constants():
    x = picture(33, 40)
    moved = 0.3 + x.roll((5, 7), (-2, -1))
    assert WAVELETS.value(moved) == pytest.approx(WAVELETS.value(x), rel=1e-5)


def test_one_level_is_the_mean_of_orthonormal_transforms():
    # Every second coefficient in each direction is one orthonormal transform: the
    # energy of the details is that of the image less its coarse approximation's.
    x = picture(32, 32, 1)
    own = 2 * details(x)[0]
    energies = [
        (2 * own[..., i::2, j::2]).square().sum() for i in (0, 1) for j in (0, 1)
    ]
    mean = sum(energies) / 4
    torch.testing.assert_close(mean, own.square().sum())
    assert mean < x.square().sum()


def test_it_denoises_two_channels():
    x, y, physics, _ = measured("denoising")
    x, y = x[:, :2], y[:, :2]
    assert psnr(wavelet(y, physics, 0.15), x) > psnr(y, x) + 3


def test_weight_must_be_positive():
    with pytest.raises(ValueError, match="weight must be positive"):
        wavelet(torch.zeros(1, 1, 8, 8), Denoising(), -1.0)
