"""EDIP for volumes: the U-Net learns ellipsoids from their cone-beam back-projections.

As in Barbano et al. (2022), which has random ellipsoids for the walnut, in three
dimensions.
"""

from functools import lru_cache, partial

import torch
from torch.nn.functional import mse_loss

from ..networks.unet import VOLUMES, UNet
from ..physics.catalogue import OPERATORS
from .data import VolumeSampler, validation_rng
from .edip_ct import pair, restored
from .loop import Recipe, mean_psnr
from .random_problems import log_uniform

SIDE, BATCH, VIEWS = 32, 2, (30, 60)
NOISE = (0.003, 0.03)  # standard deviation, relative to the mean of |Ax|


@lru_cache
def cone(side, views):
    return OPERATORS["cone_beam"]((1, side, side, side), None, views)


def draw(sampler, step):
    """A batch of pairs (z, x)."""
    rng = sampler.rng(step)
    x = torch.cat([sampler.volume(rng, SIDE) for _ in range(BATCH)])
    physics = cone(SIDE, VIEWS[step % len(VIEWS)])
    return pair(rng, physics, x, log_uniform(rng, *NOISE, BATCH))


def loss(model, data, step):
    """Mean squared error of a batch of pairs."""
    return mse_loss(*restored(model, *data))


def validate(model, sampler):
    """PSNR at 1 % noise for each number of views, on held-out volumes."""
    x = torch.cat([sampler.validation(i, SIDE) for i in range(4)])
    scores = {}
    for views in VIEWS:
        problem = pair(validation_rng(), cone(SIDE, views), x, 0.01)
        scores[f"views_{views}"] = mean_psnr(*restored(model, *problem))
    return scores


RECIPES = [
    Recipe(
        "edip_cone_beam",
        partial(UNet, **VOLUMES),
        draw,
        loss,
        validate,
        steps=3000,
        lr=2e-3,
        patch=SIDE,
        sampler=VolumeSampler,
        learned={
            "cone_beam": {"images": ["gray"], "sigma": NOISE, "relative": True},
        },
    ),
]
