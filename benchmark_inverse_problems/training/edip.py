"""EDIP for pictures: the U-Net learns to improve a direct inverse, for all tasks.

The pairs are (A^+ y, x) as in Barbano et al. (2022), with `direct_inverse` for A^+. The
operators and the noise levels are those of the recipe of RAM.
"""

from functools import partial

import torch

from ..networks.unet import ORIGINAL, UNet
from ..physics.initial_estimate import direct_inverse
from ..physics.noise import noise_model
from .data import validation_rng
from .edip_ct import loss, restored
from .loop import Recipe, mean_psnr
from .random_problems import TASKS, learned

BATCH = 8
# MRI has complex images, which this network does not take. Tomography is the task of
# `edip_ct`.
NAMES = tuple(name for name in TASKS if name not in ("mri", "tomography"))


def measured(rng, x, task):
    """The network's input for a picture (1, 3, H, W)."""
    y, physics, sigma, gain = TASKS[task](rng, x)
    physics.noise_model = noise_model(float(sigma), float(gain))
    return direct_inverse(physics, y)


def pairs(rng, x, tasks):
    """Pictures (B, 3, H, W) with a task each, as pairs (A^+ y, x)."""
    inputs = [measured(rng, x[i : i + 1], task) for i, task in enumerate(tasks)]
    return torch.cat(inputs), x


def draw(sampler, step):
    """A batch of pairs of all tasks. One batch in eight is gray."""
    rng = sampler.rng(step)
    x = sampler.batch(rng, BATCH, channels=1 if step % 8 == 7 else 3)
    tasks = rng.choice(NAMES, BATCH)
    return pairs(rng, x.expand(-1, 3, -1, -1), tasks)


def validate(model, sampler):
    """PSNR of each task at random levels, on held-out crops."""
    x = sampler.validation(3, 128)
    scores = {}
    for task in NAMES:
        problem = pairs(validation_rng(), x, [task] * len(x))
        scores[task] = mean_psnr(*restored(model, *problem))
    return scores


def build(**size):
    """A network for colour images."""
    return UNet(3, 3, **size)


LEARNED = learned(NAMES)
RECIPES = [
    Recipe(
        "edip",
        build,
        draw,
        loss,
        validate,
        steps=5000,
        lr=2e-3,
        patch=128,
        learned=LEARNED,
    ),
    Recipe(
        "edip_original",
        partial(build, **ORIGINAL),
        draw,
        loss,
        validate,
        steps=100_000,
        lr=5e-4,
        patch=128,
        learned=LEARNED,
    ),
]
