"""EDIP for tomography: the U-Net learns phantoms from their filtered back-projections.

As in Barbano et al. (2022), the images are random ellipses. The network has seen
nothing else when it is fitted to a measurement of another image.
"""

from functools import lru_cache, partial

from torch.nn.functional import mse_loss

from ..networks.layers import LAYOUTS
from ..networks.unet import ORIGINAL, UNet
from ..physics.catalogue import OPERATORS
from ..physics.initial_estimate import direct_inverse
from .data import PhantomSampler, validation_rng
from .loop import Recipe, autocast, device_of, mean_psnr
from .random_problems import log_uniform, measure

BATCH = 8
# One step in eight sees more angles, so that the weights serve both levels.
ANGLES = (20,) * 7 + (60,)
NOISE = (0.005, 0.05)  # standard deviation, relative to the mean of |Ax|


@lru_cache
def tomography(shape, angles):
    return OPERATORS["tomography"](shape, None, angles)


def pair(rng, physics, x, noise):
    """Pairs (A^+ y, x) of the network's inputs and the phantoms.

    Parameters
    ----------
    physics : deepinv.physics.LinearPhysics
        A.
    x : tensor (B, 1, *spatial)
        The phantoms.
    noise : array (B,)
        Standard deviations of the noise, relative to the mean of |Ax|.
    """
    sigma = physics.A(x).abs().flatten(1).mean(1).numpy() * noise
    y, *_ = measure(rng, physics, x, sigma)
    return direct_inverse(physics, y), x


def restored(model, z, x):
    """The network's images, and the true ones x, both on its device."""
    device = device_of(model)
    with autocast(device):
        estimate = model(z.to(device, memory_format=LAYOUTS[z.ndim]))
    return estimate.float(), x.to(device)


def draw(sampler, step):
    """A batch of pairs."""
    rng = sampler.rng(step)
    x = sampler.batch(rng, BATCH)
    noise = log_uniform(rng, *NOISE, BATCH)
    return pair(rng, tomography(tuple(x.shape[1:]), ANGLES[step % 8]), x, noise)


def loss(model, data, step):
    """Mean squared error of a batch of pairs (z, x)."""
    return mse_loss(*restored(model, *data))


def validate(model, sampler):
    """PSNR at 2 % noise for each number of angles, on held-out phantoms."""
    x = sampler.validation()
    scores = {}
    for angles in sorted(set(ANGLES)):
        physics = tomography(tuple(x.shape[1:]), angles)
        problem = pair(validation_rng(), physics, x, 0.02)
        scores[f"angles_{angles}"] = mean_psnr(*restored(model, *problem))
    return scores


LEARNED = {"tomography": {"images": ["gray"], "sigma": NOISE, "relative": True}}
RECIPES = [
    Recipe(
        "edip_ct",
        UNet,
        draw,
        loss,
        validate,
        steps=4000,
        lr=2e-3,
        sampler=PhantomSampler,
        learned=LEARNED,
    ),
    # The paper's steps and learning rate.
    Recipe(
        "edip_ct_original",
        partial(UNet, **ORIGINAL),
        draw,
        loss,
        validate,
        steps=100_000,
        lr=5e-4,
        sampler=PhantomSampler,
        learned=LEARNED,
    ),
]
