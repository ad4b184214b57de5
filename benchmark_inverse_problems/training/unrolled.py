"""Unrolled networks; the tied ones start from the bundled denoiser."""

from functools import partial

from ..networks.drunet import MultiHeadDRUNet
from ..networks.unrolled import ALGORITHMS, Unrolled, weights_name
from ..networks.weights import load_weights
from .loop import Recipe
from .mixed_loss import loss, validate
from .random_problems import COMPLEX_SHARES, MODALITIES, SHARES, draw, learned

# MRI takes longer to learn than photographs, of which the denoiser has seen many. Total
# variation is strong on the phantoms of MRI.
UNROLLED_MODALITIES = MODALITIES | dict.fromkeys((2, 6, 10, 14), COMPLEX_SHARES)
# The default network sees MRI in half of its steps.
DEFAULT_MODALITIES = UNROLLED_MODALITIES | dict.fromkeys((8, 15), COMPLEX_SHARES)
# Steps of the default network, of other tied networks and of untied networks. On one
# core they take four hours and a half, 50 minutes and an hour.
DEFAULT_STEPS, TIED_STEPS, UNTIED_STEPS = 7000, 1500, 5000
DEFAULT_L1_STEPS = 5000


def build(algorithm, tied):
    """An unrolled network. Tied ones start from the bundled denoiser.

    Untied networks have narrow denoisers, for which there are no bundled weights.
    """
    model = Unrolled(algorithm, tied)
    if tied:
        denoiser = load_weights(MultiHeadDRUNet(), "drunet")
        model.start_from_denoiser(denoiser.state_dict())
    return model


def recipe(algorithm, tied, steps, bits=8, modalities=UNROLLED_MODALITIES, **settings):
    """The recipe of one kind of network. `settings` are those of `loss`."""
    return Recipe(
        weights_name(algorithm, tied),
        partial(build, algorithm, tied),
        partial(draw, modalities=modalities),
        partial(loss, **settings),
        validate,
        steps=steps,
        lr=3e-4 if tied else 1e-3,
        bits=bits,
        learned=learned(SHARES, *modalities.values()),
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
