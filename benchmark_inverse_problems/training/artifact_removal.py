"""Artifact removal: RAM's network without its operator, started from the denoiser."""

from functools import partial

from .loop import Recipe
from .mixed_loss import loss, validate
from .ram import build
from .random_problems import MODALITIES, SHARES, draw, learned

RECIPES = [
    Recipe(
        "artifact_removal",
        partial(build, variant="base"),
        draw,
        loss,
        validate,
        steps=8000,
        lr=5e-4,
        bits=8,
        learned=learned(SHARES, *MODALITIES.values()),
    )
]
