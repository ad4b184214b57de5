"""The learned primal-dual network, trained from random weights."""

from ..networks.pdnet import PDNet
from .loop import Recipe
from .mixed_loss import loss, validate
from .random_problems import MODALITIES, SHARES, draw, learned

RECIPES = [
    Recipe(
        "pdnet",
        PDNet,
        draw,
        loss,
        validate,
        steps=3000,
        lr=1e-3,
        bits=8,
        learned=learned(SHARES, *MODALITIES.values()),
    )
]
