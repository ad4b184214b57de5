"""The tasks that learned reconstructors are trained on.

As in the paper on RAM (Terris et al., 2025), one network learns denoising, deblurring,
super-resolution, inpainting, MRI and tomography, with random operators and noise
levels. The batch of a step holds patches of several tasks. Batches of one task each
would make the gradient too noisy to learn super-resolution in an hour.
"""

from functools import lru_cache

import deepinv as dinv
import numpy as np
import torch

from ..physics.catalogue import MRI_CENTRE, OPERATORS
from ..physics.kernels import QUICK_PATH, gaussian_kernel, motion_kernel
from ..physics.noise import add_noise
from ..physics.operators.downsampling import kept_downsampling
from ..physics.operators.inpainting import random_mask
from ..physics.operators.tomography import ParallelBeam
from .data import PhantomSampler, to_complex

# What each task learns, as `networks.domain` describes it. The levels are drawn from these
# ranges.
GAIN = (0.005, 0.1)
PICTURE = {"sigma": (0, 0.05)}
BLUR = {"family": "blur", "sigma": (0.001, 0.1), "gain": GAIN}
LEARNED = {
    "denoising": {"family": "denoising", "sigma": (0, 55 / 255), "gain": GAIN},
    "gaussian": BLUR,
    "motion": BLUR,
    "sr2": PICTURE | {"family": "downsampling", "factors": [2]},
    "sr4": PICTURE | {"family": "downsampling", "factors": [4]},
    "inpainting": PICTURE | {"family": "inpainting"},
    "mri": PICTURE | {"family": "mri", "images": ["complex"]},
    "tomography": {
        "family": "tomography",
        "sigma": (0.005, 0.05),
        "relative": True,
        "images": ["gray"],
    },
}
# Number of patches of each task in a step. Super-resolution and inpainting are the
# farthest from the denoiser that most networks start from.
SHARES = {
    "denoising": 2,
    "gaussian": 3,
    "motion": 3,
    "sr2": 2,
    "sr4": 3,
    "inpainting": 3,
}
# One step in five has fewer and larger patches: one of each of these tasks. Circular
# operators make seams at the border, which weigh less in larger patches.
LARGE = 128
LARGE_TASKS = ("gaussian", "motion", "sr4", "inpainting")
# MRI and tomography have images of LARGE x LARGE pixels, see `medical`.
COMPLEX_SHARES = {"denoising": 1, "mri": 3}
TOMOGRAPHY_SHARES = {"tomography": 3}
# The steps of 16 that have these tasks. Tomography has the fewest, because it is slow.
MODALITIES = {3: COMPLEX_SHARES, 7: TOMOGRAPHY_SHARES, 11: COMPLEX_SHARES}


def log_uniform(rng, low, high, size):
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def noise_levels(rng, sigma):
    """Levels of Gaussian and Poisson noise, (sigma, gain), each (B,).

    One image in four has Poisson noise, and keeps the Gaussian part in half of the
    cases. The other images have Gaussian noise of level sigma.
    """
    size = len(sigma)
    poisson = rng.uniform(size=size) < 0.25
    gain = np.where(poisson, log_uniform(rng, *GAIN, size), 0)
    return np.where(poisson & (rng.uniform(size=size) < 0.5), 0, sigma), gain


def measure(rng, physics, x, sigma, gain=0.0):
    """Measure x with noise of levels (B,).

    Returns
    -------
    tuple
        (y, physics, sigma, gain), as `LearnedReconstructor.prepare` takes them.
    """
    physics = physics.to(x.device)
    y = add_noise(physics.A(x), physics, rng, sigma, gain)
    levels = (np.broadcast_to(level, len(x)).copy() for level in (sigma, gain))
    return y, physics, *(torch.from_numpy(level).to(x) for level in levels)


def denoising(rng, x):
    levels = noise_levels(rng, rng.uniform(*LEARNED["denoising"]["sigma"], len(x)))
    return measure(rng, dinv.physics.Denoising(), x, *levels)


def blur(rng, x, kernels):
    levels = noise_levels(rng, log_uniform(rng, *BLUR["sigma"], len(x)))
    physics = dinv.physics.BlurFFT(x.shape[1:], torch.cat(kernels))
    return measure(rng, physics, x, *levels)


def gaussian(rng, x):
    """Gaussian blurs of 0.5 to 4 pixels, one per image, in kernels of 29x29 pixels."""
    kernels = [gaussian_kernel(std) for std in rng.uniform(0.5, 4, len(x))]
    half = 14
    margins = [half - kernel.shape[-1] // 2 for kernel in kernels]
    kernels = [
        torch.nn.functional.pad(kernel, (margin,) * 4)
        for kernel, margin in zip(kernels, margins, strict=True)
    ]
    return blur(rng, x, kernels)


def motion(rng, x):
    """Motion blurs with kernels of 31x31 pixels, one per image."""
    paths = [(rng.uniform(0.1, 1.2), rng.uniform(0.1, 1)) for _ in x]
    kernels = [motion_kernel(rng, *path, points=QUICK_PATH) for path in paths]
    return blur(rng, x, kernels)


def super_resolution(rng, x, factor):
    physics = kept_downsampling(tuple(x.shape[1:]), factor)
    return measure(rng, physics, x, rng.uniform(*PICTURE["sigma"], len(x)))


def sr2(rng, x):
    return super_resolution(rng, x, 2)


def sr4(rng, x):
    return super_resolution(rng, x, 4)


def inpainting(rng, x):
    """Random pixels missing, or in one image out of four random lines."""
    masks = []
    for _ in x:
        lines, keep = rng.uniform() < 0.25, rng.uniform(0.2, 0.8)
        masks.append(random_mask(tuple(x.shape[2:]), rng, keep, lines))
    mask = torch.stack(masks).unsqueeze(1).expand(x.shape)
    physics = dinv.physics.Inpainting(x.shape[1:], mask)
    return measure(rng, physics, x, rng.uniform(*PICTURE["sigma"], len(x)))


def mri(rng, x):
    """Cartesian sampling of complex images, accelerated 4 or 8 times."""
    acceleration = (4, 8)[rng.randint(2)]
    centre = MRI_CENTRE[acceleration]
    physics = OPERATORS["mri"](tuple(x.shape[1:]), rng, acceleration, centre)
    return measure(rng, physics, x, rng.uniform(*PICTURE["sigma"], len(x)))


def tomography(rng, x):
    """Parallel-beam tomography from 20 or 60 angles, noise relative to the mean."""
    physics = ParallelBeam(x.shape[-1], (20, 60)[rng.randint(2)])
    mean = physics.to(x.device).A(x).abs().mean().item()
    levels = mean * log_uniform(rng, *LEARNED["tomography"]["sigma"], len(x))
    return measure(rng, physics, x, levels)


TASKS = {
    "denoising": denoising,
    "gaussian": gaussian,
    "motion": motion,
    "sr2": sr2,
    "sr4": sr4,
    "inpainting": inpainting,
    "mri": mri,
    "tomography": tomography,
}


def learned(*shares):
    """What a network learns from the tasks of some shares, for its JSON.

    Parameters
    ----------
    *shares : dict
        {task: number of images}. Complex images are among them if MRI is.
    """
    tasks = dict.fromkeys(task for share in shares for task in share)
    found = {}
    for task in tasks:
        entry = dict(LEARNED[task])
        kind = entry.pop("family")
        images = ["gray", "colour"]
        if kind == "denoising" and "mri" in tasks:
            images.append("complex")
        entry = {"images": images} | entry
        if kind in found and "factors" in entry:
            entry["factors"] = found[kind]["factors"] + entry["factors"]
        found[kind] = entry
    return found


@lru_cache
def phantoms(channels):
    """The phantoms of training. They take 0.1 s each and are kept."""
    return PhantomSampler(channels, count=400)


def medical(sampler, rng, shares):
    """Complex images, or real phantoms for tomography.

    They have LARGE x LARGE pixels, because MRI and tomography need the whole field of
    view. Half of the steps with complex images have photographs with a random phase,
    the other half have phantoms.
    """
    size = sum(shares.values())
    if "tomography" in shares:
        return phantoms(1).batch(rng, size)
    if rng.uniform() < 0.5:
        return phantoms(2).batch(rng, size)
    return to_complex(rng, sampler.batch(rng, size, channels=1, patch=LARGE))


def batch(
    sampler,
    step,
    shares=SHARES,
    large_tasks=LARGE_TASKS,
    modalities=MODALITIES,
    copies=1,
):
    """The random numbers and images of a step, and the number of images of each task.

    Steps 1, 5, 9 and 13 of 16 have gray photographs, the others colour ones.

    Parameters
    ----------
    shares : dict
        {task: number of photographs in a step}.
    large_tasks : tuple of str
        Tasks of the steps with one larger patch of each task. An empty tuple leaves
        these steps out.
    modalities : dict
        {step of 16: shares of a step without ordinary photographs}, see `medical`.
    copies : int
        Factor of all numbers of images.

    Returns
    -------
    rng : numpy.random.RandomState
    x : tensor (B, C, H, W)
    shares : dict
        {task: number of images}.
    """
    rng = sampler.rng(step)
    medical_step, patch = step % 16 in modalities, None
    if medical_step:
        shares = modalities[step % 16]
    elif step % 5 == 4 and large_tasks:
        shares = {task: 1 for task in shares if task in large_tasks} or shares
        patch = LARGE
    shares = {task: copies * n for task, n in shares.items()}
    if medical_step:
        return rng, medical(sampler, rng, shares), shares
    channels = 1 if step % 4 == 1 else 3
    return rng, sampler.batch(rng, sum(shares.values()), channels, patch), shares


def draw(sampler, step, **settings):
    """Images of a step and their measurements, one problem per task.

    Parameters
    ----------
    **settings
        Settings of `batch`.

    Returns
    -------
    tuple
        The images (B, C, H, W), and for each task, in their order, (y, physics, sigma,
        gain) as `measure` returns them.
    """
    rng, x, shares = batch(sampler, step, **settings)
    parts = x.split(list(shares.values()))
    tasks = zip(shares, parts, strict=True)
    return x, [TASKS[task](rng, part) for task, part in tasks]
