"""The compact RAM and its ablation: every step mixes the tasks of `tasks.py`."""

from functools import partial

from ..methods.drunet import MultiHeadDRUNet
from ..methods.ram import SINGLE, SMALL, VARIANTS, CompactRAM
from ..weights import load_weights
from .loop import Recipe
from .tasks import (
    LARGE_TASKS,
    MODALITIES,
    SHARES,
    TOMOGRAPHY_SHARES,
    loss,
    validate,
)

# RAM lies farther below the denoiser and DPIR in denoising, deblurring and inpainting than
# in super-resolution by 4, and its PSNR in tomography grew to the last step.
RAM_SHARES = SHARES | {
    "denoising": 4,
    "gaussian": 4,
    "motion": 4,
    "inpainting": 6,
}
RAM_LARGE_TASKS = ("denoising", *LARGE_TASKS)
RAM_MODALITIES = MODALITIES | {15: TOMOGRAPHY_SHARES}
# Tasks of the ablation's networks: in the order of `SINGLE`.
TASKS_OF = dict(
    zip(SINGLE, (("inpainting",), ("gaussian", "motion"), ("sr2", "sr4")), strict=True)
)


def build(**settings):
    """A RAM that starts as the bundled denoiser."""
    model = CompactRAM(**settings)
    denoiser = load_weights(MultiHeadDRUNet(), "drunet")
    model.start_from_denoiser(denoiser.state_dict())
    return model


def small(name, variant, tasks):
    """A network of the ablation: the same steps and seed for each."""
    scale = sum(SHARES.values()) / sum(SHARES[task] for task in tasks)
    shares = {task: round(scale * SHARES[task]) for task in tasks}
    return Recipe(
        f"ram_{name}",
        partial(CompactRAM, variant=variant, **SMALL),
        partial(loss, shares=shares, modalities={}),
        partial(validate, modalities=False),
        steps=4000,
        lr=1e-3,
        bits=8,
    )


RECIPES = [
    Recipe(
        "ram",
        partial(build, light=True),
        partial(
            loss,
            l1_steps=18000,
            shares=RAM_SHARES,
            large_tasks=RAM_LARGE_TASKS,
            modalities=RAM_MODALITIES,
        ),
        validate,
        steps=24000,
        lr=5e-4,
    ),
    *(small(variant, variant, sum(TASKS_OF.values(), ())) for variant in VARIANTS),
    *(small(name, "krylov", tasks) for name, tasks in TASKS_OF.items()),
]
