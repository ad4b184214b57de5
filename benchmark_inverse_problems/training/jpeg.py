"""The network that removes JPEG artefacts and noise, started from the denoiser."""

import torch

from ..networks.drunet import MultiHeadDRUNet
from ..networks.weights import load_weights
from ..physics.jpeg import compress
from .data import validation_rng
from .drunet import loss
from .loop import Recipe, autocast, device_of, mean_psnr

# As in FiRe (Terris et al., 2025): qualities of 20 to 100 and noise of up to 0.1.
QUALITIES = 20, 100
SIGMA_MAX = 0.1
# (quality, sigma) of the validation.
LEVELS = (20, 0.0), (60, 0.0), (60, 0.05)
BATCH = 4


def degrade(rng, x, qualities, sigma):
    """JPEG with one quality per image, then noise of level sigma (B,)."""
    noise = torch.from_numpy(rng.standard_normal(x.shape)).to(x)
    return compress(x, qualities) + sigma.view(-1, 1, 1, 1) * noise


def draw(sampler, step):
    """One batch (y, sigma, x); three batches in four are in colour."""
    rng = sampler.rng(step)
    x = sampler.batch(rng, BATCH, channels=1 if step % 4 == 3 else 3)
    qualities = rng.randint(QUALITIES[0], QUALITIES[1] + 1, BATCH).tolist()
    # One image in four has no noise, because JPEG alone is the most common case.
    levels = rng.uniform(-SIGMA_MAX / 3, SIGMA_MAX, BATCH).clip(0)
    sigma = torch.from_numpy(levels).to(x)
    return degrade(rng, x, qualities, sigma), sigma, x


def validate(model, sampler):
    """PSNR at three levels in colour and gray, on the held-out images."""
    scores = {}
    for channels, kind in ((3, "colour"), (1, "gray")):
        x = sampler.validation(channels).to(device_of(model))
        for quality, level in LEVELS:
            sigma = torch.full((len(x),), level).to(x)
            y = degrade(validation_rng(), x, [quality] * len(x), sigma)
            with autocast(x.device):
                estimate = model(y, sigma)
            name = f"{kind}_q{quality}_{255 * level:.0f}"
            scores[name] = mean_psnr(estimate, x)
    return scores


def build():
    """A network that starts as the bundled denoiser."""
    return load_weights(MultiHeadDRUNet(), "drunet")


LEARNED = {
    "jpeg": {
        "images": ["gray", "colour"],
        "sigma": (0, SIGMA_MAX),
        "qualities": QUALITIES,
    }
}
RECIPES = [
    Recipe(
        "jpeg",
        build,
        draw,
        loss,
        validate,
        steps=8000,
        lr=5e-4,
        patch=128,
        learned=LEARNED,
    )
]
