"""Small pictures and problems for the methods' own tests."""

import deepinv as dinv
import numpy as np
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


def picture(height, width, channels=3):
    face = torch.tensor(astronaut() / 255, dtype=torch.float32).permute(2, 0, 1)[None]
    return face[:, :channels, 60 : 60 + 2 * height : 2, 180 : 180 + 2 * width : 2]


def psnr(a, b):
    return -10 * (a - b).square().mean().log10().item()


def noisy(y, sigma):
    noise = np.random.RandomState(1).randn(*y.shape)
    return y + sigma * torch.tensor(noise, dtype=torch.float32)


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
    y = noisy(physics.A(x), sigma)
    return x, (y * physics.mask if name == "mri" else y), physics, weight
