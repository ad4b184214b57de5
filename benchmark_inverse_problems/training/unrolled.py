"""Unrolled networks; the tied ones start from the bundled denoiser."""

from functools import partial

from ..methods.drunet import MultiHeadDRUNet
from ..methods.unrolled import ALGORITHMS, Unrolled, weights_name
from ..weights import load_weights
from .loop import Recipe
from .tasks import loss, validate


def build(algorithm, tied):
    """An unrolled network; narrow denoisers have no bundled ones to start from."""
    model = Unrolled(algorithm, tied)
    if tied:
        denoiser = load_weights(MultiHeadDRUNet(), "drunet")
        model.start_from_denoiser(denoiser.state_dict())
    return model


RECIPES = [
    Recipe(
        weights_name(algorithm, tied),
        partial(build, algorithm, tied),
        loss,
        validate,
        steps=3000 if tied else 4000,
        lr=3e-4 if tied else 1e-3,
    )
    for algorithm in ALGORITHMS
    for tied in (True, False)
]
