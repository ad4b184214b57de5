"""Unrolled networks; the tied ones start from the bundled denoiser."""

from functools import partial

from ..networks.drunet import MultiHeadDRUNet
from ..networks.unrolled import ALGORITHMS, Unrolled, weights_name
from ..networks.weights import load_weights
from .loop import Recipe
from .mixed_loss import loss, validate
from .random_problems import COMPLEX_SHARES, MODALITIES, draw

# MRI, where total variation is strong on phantoms, takes longer to learn than photographs,
# of which the denoiser has seen many.
UNROLLED_MODALITIES = MODALITIES | dict.fromkeys((2, 6, 10, 14), COMPLEX_SHARES)
# The default network sees it in half of its steps.
DEFAULT_MODALITIES = UNROLLED_MODALITIES | dict.fromkeys((8, 15), COMPLEX_SHARES)
# Steps of the default network, of other tied ones and of untied ones: four hours and a half
# on one core, 50 minutes, and an hour.
DEFAULT_STEPS, TIED_STEPS, UNTIED_STEPS = 7000, 1500, 5000
DEFAULT_L1_STEPS = 5000


def build(algorithm, tied):
    """An unrolled network; narrow denoisers have no bundled ones to start from."""
    model = Unrolled(algorithm, tied)
    if tied:
        denoiser = load_weights(MultiHeadDRUNet(), "drunet")
        model.start_from_denoiser(denoiser.state_dict())
    return model


def recipe(algorithm, tied, steps, bits=8, modalities=UNROLLED_MODALITIES, **settings):
    """The recipe of one kind of network; `settings` are those of `loss`."""
    return Recipe(
        weights_name(algorithm, tied),
        partial(build, algorithm, tied),
        partial(draw, modalities=modalities),
        partial(loss, **settings),
        validate,
        steps=steps,
        lr=3e-4 if tied else 1e-3,
        bits=bits,
    )


RECIPES = [
    recipe(
        "hqs",
        True,
        DEFAULT_STEPS,
        bits=16,
        modalities=DEFAULT_MODALITIES,
        l1_steps=DEFAULT_L1_STEPS,
    ),
    recipe("pgd", True, TIED_STEPS),
    *(recipe(algorithm, False, UNTIED_STEPS) for algorithm in ALGORITHMS),
]
