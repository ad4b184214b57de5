"""The compact RAM and its ablation: steps mix the tasks of `random_problems.py`."""

from functools import partial

from ..networks.drunet import MultiHeadDRUNet
from ..networks.ram import RAM, SINGLE, SIZES, SMALL, VARIANTS
from ..networks.weights import load_weights
from .loop import Recipe
from .mixed_loss import loss, validate
from .random_problems import (
    COMPLEX_SHARES,
    MODALITIES,
    SHARES,
    TOMOGRAPHY_SHARES,
    draw,
    learned,
)

# Denoising, deblurring and inpainting have larger shares: in them RAM is farther below
# the denoiser and DPIR than in super-resolution by 4. MRI has more steps, because total
# variation is strong on its phantoms.
RAM_SHARES = SHARES | {
    "denoising": 5,
    "gaussian": 4,
    "motion": 6,
    "sr2": 3,
    "inpainting": 5,
}
RAM_MODALITIES = MODALITIES | {
    6: COMPLEX_SHARES,
    14: COMPLEX_SHARES,
    15: TOMOGRAPHY_SHARES,
}
# Factor of the number of images of a step. A GPU waits for Python. On an H100 a step
# takes 0.11 s with a factor of 4 or of 8.
RAM_COPIES = 7
# Tasks of the networks of `SINGLE`.
TASKS_OF = dict(
    zip(SINGLE, (("inpainting",), ("gaussian", "motion"), ("sr2", "sr4")), strict=True)
)
EVERY_TASK = sum(TASKS_OF.values(), ())


def build(**settings):
    """A RAM that starts as the bundled denoiser."""
    model = RAM(**settings)
    denoiser = load_weights(MultiHeadDRUNet(), "drunet")
    model.start_from_denoiser(denoiser.state_dict())
    return model


def small(name, variant="krylov", tasks=EVERY_TASK, **sizes):
    """The recipe of a network of the ablation. All have the same steps and seed."""
    scale = sum(SHARES.values()) / sum(SHARES[task] for task in tasks)
    shares = {task: round(scale * SHARES[task]) for task in tasks}
    return Recipe(
        f"ram_{name}",
        partial(RAM, variant=variant, **SMALL | sizes),
        partial(draw, shares=shares, modalities={}),
        loss,
        partial(validate, modalities=False),
        steps=4000,
        lr=1e-3,
        bits=8,
        learned=learned(shares),
    )


def at_one_scale(scale):
    """The bundled RAM, whose blocks see the measurements at one scale only."""
    model = RAM(light=True, scales=(scale,))
    weights = load_weights(RAM(light=True), "ram").state_dict()
    own = model.state_dict().keys()
    model.load_state_dict({k: v for k, v in weights.items() if k in own})
    return model


RECIPES = [
    Recipe(
        "ram",
        partial(build, light=True),
        partial(
            draw,
            shares=RAM_SHARES,
            large_tasks=(),
            modalities=RAM_MODALITIES,
            copies=RAM_COPIES,
        ),
        partial(loss, l1_steps=0),
        validate,
        steps=6500,
        lr=6e-4,
        patch=128,
        learned=learned(RAM_SHARES, *RAM_MODALITIES.values()),
    ),
    # On a CPU: fewer images a step. The scale of half the resolution alone loses least.
    Recipe(
        "ram_scale2",
        partial(at_one_scale, 1),
        partial(draw, shares=RAM_SHARES, large_tasks=(), modalities=RAM_MODALITIES),
        partial(loss, l1_steps=0),
        validate,
        steps=2000,
        lr=2e-4,
        bits=8,
        learned=learned(RAM_SHARES, *RAM_MODALITIES.values()),
    ),
    *(small(variant, variant) for variant in VARIANTS),
    *(small(name, tasks=tasks) for name, tasks in TASKS_OF.items()),
    *(small(name, widths=widths) for name, widths in SIZES.items()),
]
