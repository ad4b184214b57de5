"""The network that finds kernels for blind deblurring."""

from functools import cache

import numpy as np
import torch
from torch.nn.functional import pad

from ..methods.alternating import WEIGHTS, kernel_by_turns
from ..networks.kernel_network import (
    KernelNetwork,
    standardised,
    wiener,
)
from ..physics.kernels import (
    QUICK_PATH,
    SIZE,
    anisotropic_kernel,
    motion_kernel,
    transfer,
)
from .data import stack, turned, validation_rng
from .loop import Recipe, autocast, device_of

# Ranges of the kernels and of the noise, those of `blind_deblur` among them.
LENGTH_SCALES, STDS = (0.1, 1.3), (0.1, 1.1)
GAUSSIAN = (0.5, 4.2)
SIGMA = (0.002, 0.06)
BATCH = 8
# Measurements that all steps share; the numbers of their random draws begin after those of
# the steps.
SAMPLES, FIRST_SAMPLE = 1600, 2**30
MIDDLE = 0.1  # of WEIGHTS
PARTS = "sharp", "divided", "kernel", "image"
# A relative error that is small.
GOOD = 0.1
# (length scale, std of the path, noise) of the validation.
LEVELS = {
    "easy": (0.1, 0.1, 0.01),
    "medium": (0.6, 0.5, 0.02),
    "hard": (1.2, 1.0, 0.05),
}


def kernel(rng):
    """A kernel (1, 1, SIZE, SIZE): two in three are paths, the others Gaussian."""
    if rng.uniform() < 2 / 3:
        path = rng.uniform(*LENGTH_SCALES), rng.uniform(*STDS)
        return motion_kernel(rng, *path, points=QUICK_PATH)
    k = anisotropic_kernel(rng.uniform(*GAUSSIAN, 2), rng.uniform(0, torch.pi))
    border = (SIZE - k.shape[-1]) // 2
    return pad(k, (border,) * 4)


def blurred(rng, x, kernels, sigma):
    """Circular blur of x (B, C, H, W), one kernel an image, and noise (B,)."""
    y = torch.fft.irfft2(
        torch.fft.rfft2(x) * transfer(kernels, x.shape[2:]), s=x.shape[2:]
    )
    noise = torch.from_numpy(rng.standard_normal(x.shape)).to(x)
    return y + sigma.view(-1, 1, 1, 1) * noise


@cache
def sample(sampler, index):
    """One of the measurements that all steps share, as arrays.

    The first estimate of its kernel takes half a second.

    Returns
    -------
    sigma : float
    images : array (128, 128, 2)
        The measurement and the truth, gray.
    kernels : array (SIZE, SIZE, 2)
        The first estimate and the truth.
    """
    rng = sampler.rng(FIRST_SAMPLE + index)
    x = sampler.batch(rng, 1, channels=1)
    true, sigma = kernel(rng), float(rng.uniform(*SIGMA))
    y = blurred(rng, x, true, torch.tensor([sigma]))
    first = kernel_by_turns(y, sigma, WEIGHTS[rng.randint(len(WEIGHTS))])
    return sigma, together(y, x), together(first, true)


def together(*images):
    """Images (1, 1, H, W) as one array (H, W, number)."""
    return torch.cat(images, 1)[0].permute(1, 2, 0).numpy()


def draw(sampler, step):
    """One batch (y, sigma, first kernels, kernels, x), flipped and transposed at random."""
    rng, batch = sampler.rng(step), []
    for index in rng.randint(SAMPLES, size=BATCH):
        sigma, images, kernels = sample(sampler, index)
        seed = rng.randint(2**31)
        # The same turn for both.
        images, kernels = (
            turned(np.random.RandomState(seed), pair) for pair in (images, kernels)
        )
        batch.append((images, kernels, sigma))
    images, kernels, sigma = zip(*batch, strict=True)
    (y, x), (first, true) = (stack(pairs).split(1, 1) for pairs in (images, kernels))
    return y, torch.tensor(sigma), first, true, x


def errors(found, kernels, y, x, sigma):
    """Relative errors (B,) of one stage: sharp gradient, kernels, restored image."""
    sharp, raw, clean = found
    (seen, level), (truth, _) = standardised(y, sigma), standardised(x, sigma)
    # Contrast of the truth in the units of the measurement.
    truth = truth * contrast(x) / contrast(y)
    return (
        relative(gradient(sharp), gradient(truth)),
        relative(raw, kernels),
        relative(clean, kernels),
        relative(wiener(seen, clean, level), truth),
    )


def contrast(x):
    return x.mean(1, keepdim=True).std((2, 3), keepdim=True).clamp_min(1e-6)


def gradient(x):
    return torch.cat([x - x.roll(1, axis) for axis in (2, 3)], 1)


def relative(found, truth):
    error = (found - truth).flatten(1).norm(dim=1)
    return error / truth.flatten(1).norm(dim=1).clamp_min(1e-6)


def loss(model, data, step):
    """The errors of all stages; half as much an earlier stage."""
    y, sigma, first, kernels, x = data
    with autocast(y.device):
        found = model.estimates(y, sigma, first)
    weights = [0.5 ** (len(found) - 1 - i) for i in range(len(found))]
    # Logarithms: a stage that is far off must not drown the others.
    total = sum(
        weight
        * sum((e / GOOD).log1p().mean() for e in errors(stage, kernels, y, x, sigma))
        for weight, stage in zip(weights, found, strict=True)
    )
    return total / sum(weights)


@cache
def held_out(sampler, name):
    """(y, sigma, first kernels, kernels, x) of a level, of the held-out images."""
    *path, level = LEVELS[name]
    rng, x = validation_rng(), sampler.validation(1, 128)
    kernels = torch.cat([motion_kernel(rng, *path) for _ in x])
    sigma = torch.full((len(x),), level)
    y = blurred(rng, x, kernels, sigma)
    first = torch.cat([kernel_by_turns(part, level, MIDDLE) for part in y.split(1)])
    return y, sigma, first, kernels, x


def validate(model, sampler):
    """Errors in dB at the three levels of motion, on parts of the held-out images.

    `first` is the error of the kernels that the network is given.
    """
    device, scores = device_of(model), {}
    for name in LEVELS:
        data = (part.to(device) for part in held_out(sampler, name))
        y, sigma, first, kernels, x = data
        with autocast(device):
            found = model.estimates(y, sigma, first)[-1]
        parts = dict(zip(PARTS, errors(found, kernels, y, x, sigma), strict=True))
        for kind, error in ({"first": relative(first, kernels)} | parts).items():
            scores[f"{name}_{kind}"] = round(float(-20 * error.log10().mean()), 3)
    return scores


RECIPES = [
    Recipe(
        "kernel_network",
        KernelNetwork,
        draw,
        loss,
        validate,
        steps=3000,
        lr=1e-3,
        patch=128,
        learned={"blur": {"family": "blur", "sigma": SIGMA}},
        bits=8,
    )
]
