"""The compact RAM: every step mixes all tasks, from the bundled denoiser on.

As in the paper (Terris et al., 2025) one network learns denoising, deblurring,
super-resolution, inpainting and MRI, with random operators and noise levels. A step
holds patches of all tasks in one batch: batches of one task each made the gradient
too noisy to learn super-resolution in an hour.
"""

import copy
from functools import lru_cache

import deepinv as dinv
import numpy as np
import torch

from .. import operators
from ..methods.drunet import MultiHeadDRUNet
from ..methods.ram import CompactRAM
from ..weights import load_weights
from .loop import Recipe, autocast

# Patches of each task in a step. The start already denoises, so denoising only has
# to be kept; super-resolution and inpainting are the farthest from it.
SHARES = {
    "denoising": 2,
    "gaussian": 3,
    "motion": 3,
    "sr2": 2,
    "sr4": 3,
    "inpainting": 3,
}
# One step in five has fewer, larger patches, in which the seams that circular
# operators make at the border weigh less.
LARGE = 128
LARGE_SHARES = {"gaussian": 1, "motion": 1, "sr4": 1, "inpainting": 1}
COMPLEX_SHARES = {"denoising": 2, "inpainting": 4, "mri": 10}
# L1 error at which an image's weight is halved, about the final mean error.
TYPICAL_ERROR = 0.02
VALIDATION_CROP = 128


def log_uniform(rng, low, high, size):
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def noise_levels(rng, sigma):
    """Gaussian noise of level sigma (B,), or for one image in four a Poisson one.

    Poisson noise keeps the Gaussian part in half of the cases.
    """
    size = len(sigma)
    poisson = rng.uniform(size=size) < 0.25
    gain = np.where(poisson, log_uniform(rng, 0.005, 0.1, size), 0)
    return np.where(poisson & (rng.uniform(size=size) < 0.5), 0, sigma), gain


def measure(rng, physics, x, sigma, gain=None):
    """Measurements of x with noise levels (B,), and what `CompactRAM.prepare` needs."""
    y = physics.A(x)
    sigma = torch.from_numpy(np.asarray(sigma)).float()
    gain = torch.zeros(len(x)) if gain is None else torch.from_numpy(gain).float()
    for i in gain.nonzero().flatten():
        counts = rng.poisson((y[i] / gain[i]).clamp_min(0).numpy())
        y[i] = gain[i] * torch.from_numpy(counts).float()
    noise = torch.from_numpy(rng.standard_normal(y.shape)).float()
    y = y + sigma.view(-1, 1, 1, 1) * noise
    if isinstance(physics, dinv.physics.Inpainting | dinv.physics.MRI):
        y = y * physics.mask  # what is not measured has no noise either
    return y, physics, sigma, gain


def denoising(rng, x):
    levels = noise_levels(rng, rng.uniform(0, 55 / 255, len(x)))
    return measure(rng, dinv.physics.Denoising(), x, *levels)


def blur(rng, x, kernels):
    levels = noise_levels(rng, log_uniform(rng, 0.001, 0.1, len(x)))
    physics = dinv.physics.BlurFFT(x.shape[1:], torch.cat(kernels))
    return measure(rng, physics, x, *levels)


def gaussian(rng, x):
    """Gaussian blurs of 0.5 to 4 pixels, one an image, centred in 29x29."""
    kernels = [operators.gaussian_kernel(std) for std in rng.uniform(0.5, 4, len(x))]
    half = 14
    margins = [half - kernel.shape[-1] // 2 for kernel in kernels]
    kernels = [
        torch.nn.functional.pad(kernel, (margin,) * 4)
        for kernel, margin in zip(kernels, margins, strict=True)
    ]
    return blur(rng, x, kernels)


def motion(rng, x):
    """Motion blurs of 31x31 pixels, one an image."""
    # A quarter of the default's points: its Cholesky factor would slow the step.
    paths = [(rng.uniform(0.1, 1.2), rng.uniform(0.1, 1)) for _ in x]
    return blur(rng, x, [operators.motion_kernel(rng, *p, points=250) for p in paths])


@lru_cache(maxsize=16)
def downsampling(shape, factor):
    return operators.downsampling(shape, None, factor)


def super_resolution(rng, x, factor):
    physics = downsampling(tuple(x.shape[1:]), factor)
    return measure(rng, physics, x, rng.uniform(0, 0.05, len(x)))


def sr2(rng, x):
    return super_resolution(rng, x, 2)


def sr4(rng, x):
    return super_resolution(rng, x, 4)


def inpainting(rng, x):
    """Random pixels missing, or in one image out of four random lines."""
    size, _, height, width = x.shape
    masks = []
    for _ in range(size):
        lines, keep = rng.uniform() < 0.25, rng.uniform(0.2, 0.8)
        mask = rng.random_sample((height, 1 if lines else width)) < keep
        masks.append(np.broadcast_to(mask, (height, width)))
    mask = torch.from_numpy(np.stack(masks)).float().unsqueeze(1).expand(x.shape)
    physics = dinv.physics.Inpainting(x.shape[1:], mask)
    return measure(rng, physics, x, rng.uniform(0, 0.05, size))


def mri(rng, x):
    """Cartesian sampling of complex images, accelerated 4 or 8 times."""
    acceleration = (4, 8)[rng.randint(2)]
    centre = operators.MRI_CENTRE[acceleration]
    physics = operators.mri(tuple(x.shape[1:]), rng, acceleration, centre)
    return measure(rng, physics, x, rng.uniform(0, 0.05, len(x)))


TASKS = {
    "denoising": denoising,
    "gaussian": gaussian,
    "motion": motion,
    "sr2": sr2,
    "sr4": sr4,
    "inpainting": inpainting,
    "mri": mri,
}


def to_complex(rng, x):
    """Gray images (B, 1, H, W) with a smooth random phase, as two channels."""
    rows, columns = (torch.linspace(-1, 1, n) for n in x.shape[2:])
    offset, slope, tilt = torch.from_numpy(
        rng.uniform(-3, 3, (3, len(x), 1, 1))
    ).float()
    phase = (offset + slope * rows[:, None] + tilt * columns).unsqueeze(1)
    return torch.cat((x * phase.cos(), x * phase.sin()), 1)


def batch(sampler, step):
    """The images of a step and the number of each task.

    Three steps in four are in colour; of the others one in four is complex.
    """
    rng = sampler.rng(step)
    if step % 16 == 15:
        shares = COMPLEX_SHARES
        x = to_complex(rng, sampler.batch(rng, sum(shares.values()), channels=1))
        return rng, x, shares
    shares = SHARES
    if step % 5 == 4:
        shares = LARGE_SHARES
        sampler = copy.copy(sampler)
        sampler.patch = LARGE
    channels = 1 if step % 4 == 3 else 3
    return rng, sampler.batch(rng, sum(shares.values()), channels), shares


def loss(model, sampler, step):
    """Mean over images of log(1 + error / t), times t, of the L1 errors.

    PSNR is a logarithm of the error: an image's gradient is divided by
    1 + error / t, so that easy tasks (little noise, small errors) do not starve
    behind hard ones, and the value stays that of L1 for small errors.
    """
    rng, x, shares = batch(sampler, step)
    parts = x.split(list(shares.values()))
    problems = [
        model.prepare(*TASKS[task](rng, part))
        for task, part in zip(shares, parts, strict=True)
    ]
    with autocast(x.device):
        estimate = model.solve(problems)
    error = (estimate.float() - x).abs().flatten(1).mean(1)
    return TYPICAL_ERROR * (error / TYPICAL_ERROR).log1p().mean()


def validate(model, sampler):
    """PSNR in colour (MRI: complex) of one level of each task, on held-out crops."""
    x = sampler.validation(3, VALIDATION_CROP)
    gray = sampler.validation(1, VALIDATION_CROP)
    rng = sampler.rng(2**31)
    shape = tuple(x.shape[1:])
    problems = {
        "denoise_25": (x, operators.denoising(shape, rng), 25 / 255),
        "blur_2": (x, operators.gaussian_blur(shape, rng, 2.0), 0.05),
        "motion": (
            x,
            operators.motion_blur(shape, rng, 2, length_scale=0.6, std=0.5),
            0.05,
        ),
        "sr2": (x, downsampling(shape, 2), 0.01),
        "sr4": (x, downsampling(shape, 4), 0.01),
        "inpaint_50": (x, operators.inpainting(shape, rng, 0.5), 0.01),
        "mri4": (
            to_complex(rng, gray),
            operators.mri((2, *shape[1:]), rng, 4, 0.08),
            0.01,
        ),
    }
    scores = {}
    for name, (truth, physics, sigma) in problems.items():
        y, *problem = measure(rng, physics, truth, np.full(len(truth), sigma))
        with autocast(truth.device):
            estimate = model(y, *problem)
        mse = (estimate.float() - truth).square().flatten(1).mean(1)
        scores[name] = round(float(-10 * mse.log10().mean()), 3)
    return scores


def build():
    """A RAM that starts as the bundled denoiser."""
    model = CompactRAM()
    denoiser = load_weights(MultiHeadDRUNet(), "drunet")
    model.start_from_denoiser(denoiser.state_dict())
    return model


RECIPE = Recipe("ram", build, loss, validate, steps=9000, lr=5e-4)
