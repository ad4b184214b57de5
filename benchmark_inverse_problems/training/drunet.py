"""The denoiser: Gaussian noise of any level up to 55/255, gray and colour."""

import torch

from ..networks.drunet import MultiHeadDRUNet
from .data import validation_rng
from .loop import Recipe, autocast, device_of, mean_psnr

SIGMA_MAX = 55 / 255
LEVELS = (15, 25, 50)
BATCH = 4


def draw(sampler, step):
    """One batch (y, sigma, x). Three batches in four are in colour."""
    rng = sampler.rng(step)
    x = sampler.batch(rng, BATCH, channels=1 if step % 4 == 3 else 3)
    sigma = torch.from_numpy(rng.uniform(0, SIGMA_MAX, BATCH)).to(x)
    noise = torch.from_numpy(rng.standard_normal(x.shape)).to(x)
    return x + sigma.view(-1, 1, 1, 1) * noise, sigma, x


def loss(model, data, step):
    """L1 error of one batch (y, sigma, x)."""
    y, sigma, x = data
    with autocast(x.device):
        estimate = model(y.contiguous(memory_format=torch.channels_last), sigma)
    return (estimate.float() - x).abs().mean()


def validate(model, sampler):
    """PSNR at sigma 15, 25 and 50, colour and gray, on the held-out images."""
    scores = {}
    for channels, kind in ((3, "colour"), (1, "gray")):
        x = sampler.validation(channels).to(device_of(model))
        noise = torch.from_numpy(validation_rng().standard_normal(x.shape)).to(x)
        for level in LEVELS:
            with autocast(x.device):
                estimate = model(x + level / 255 * noise, level / 255)
            scores[f"{kind}_{level}"] = mean_psnr(estimate, x)
    return scores


LEARNED = {"denoising": {"images": ["gray", "colour"], "sigma": (0, SIGMA_MAX)}}
RECIPES = [
    Recipe(
        "drunet",
        MultiHeadDRUNet,
        draw,
        loss,
        validate,
        steps=60000,
        lr=1e-3,
        patch=128,
        learned=LEARNED,
    )
]
