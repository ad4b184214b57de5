"""The denoiser: Gaussian noise of any level up to 55/255, gray and colour."""

import torch

from ..methods.drunet import MultiHeadDRUNet
from .loop import Recipe, autocast

SIGMA_MAX = 55 / 255
LEVELS = (15, 25, 50)
BATCH = 16


def loss(model, sampler, step):
    """L1 error of one batch; three batches in four are in colour."""
    rng = sampler.rng(step)
    x = sampler.batch(rng, BATCH, channels=1 if step % 4 == 3 else 3)
    x = x.contiguous(memory_format=torch.channels_last)
    sigma = torch.from_numpy(rng.uniform(0, SIGMA_MAX, BATCH)).float()
    noise = torch.from_numpy(rng.standard_normal(x.shape)).float()
    y = x + sigma.view(-1, 1, 1, 1) * noise
    with autocast(x.device):
        estimate = model(y, sigma)
    return (estimate.float() - x).abs().mean()


def validate(model, sampler):
    """PSNR at sigma 15, 25 and 50, colour and gray, on the held-out images."""
    scores = {}
    for channels, kind in ((3, "colour"), (1, "gray")):
        x = sampler.validation(channels)
        noise = torch.from_numpy(sampler.rng(2**31).standard_normal(x.shape)).float()
        for level in LEVELS:
            with autocast(x.device):
                estimate = model(x + level / 255 * noise, level / 255)
            mse = (estimate.float() - x).square().flatten(1).mean(1)
            scores[f"{kind}_{level}"] = round(float(-10 * mse.log10().mean()), 3)
    return scores


RECIPE = Recipe("drunet", MultiHeadDRUNet, loss, validate, steps=28000, lr=1e-3)
