"""Unrolled networks of volumes, trained on patches with the true context.

A patch's problem is b = S A^T A S^T x + S A^T n, where S cuts the patch out of the volume:
the loss of R. Vo and J. Tachella, "Efficient Unrolled Networks for Large-Scale 3D Inverse
Problems", CVPR 2026. A step calls A^T once, for the noise of a new volume. Each step has
another volume, and for MRI other coils and another mask.
"""

from functools import lru_cache, partial

import numpy as np
import torch

from ..networks.unrolled_3d import Unrolled3D
from ..physics.catalogue import OPERATORS
from ..physics.facts import measured
from ..physics.local_normal import (
    DiagonalCirculant,
    Toeplitz,
    between_coils,
    between_maps,
    cut_kernel,
    window,
)
from ..problems.volumes import with_phase
from .data import VolumeSampler, validation_rng
from .loop import Recipe, autocast, device_of, mean_psnr
from .mixed_loss import logarithmic
from .random_problems import log_uniform

# Sides of the volumes and of the patches, and patches of a step.
SIDE, PATCH, BATCH = 64, 32, 4
COILS, ACCELERATIONS, MRI_NOISE = 4, (4, 8), (0.005, 0.05)
VIEWS, CT_NOISE = (30, 60), (0.003, 0.03)
# White volumes that fit the approximate A^T A of cone beams.
FIT_SAMPLES = 300


def cut(rng, side, patch, count):
    """Random places of some patches, as indices."""
    places = rng.randint(side - patch + 1, size=(count, 3))
    return [window(place, (patch,) * 3) for place in places]


def stacked(x, places):
    """The patches of an image (1, C, ...) at some places, (B, C, ...)."""
    return torch.cat([x[place] for place in places])


def mri(rng, x, patch, count):
    """Patches of a volume (1, 1, n, n, n), seen by multi-coil MRI.

    Returns
    -------
    tuple of tensor
        The patches x, A^T of the noise, the sensitivities, the kernel, and sigma.
    """
    x = with_phase(x, int(rng.randint(2**31)))
    acceleration = ACCELERATIONS[rng.randint(len(ACCELERATIONS))]
    physics = OPERATORS["multicoil_mri"](tuple(x.shape[1:]), rng, acceleration, COILS)
    sigma = float(log_uniform(rng, *MRI_NOISE, None))
    shape = (1, 2, COILS, *x.shape[2:])
    noise = torch.from_numpy(rng.standard_normal(shape)).float() * measured(physics)
    back = sigma * physics.A_adjoint(noise)
    places = cut(rng, x.shape[-1], patch, count)
    maps = stacked(physics.coil_maps, places)
    kernel = cut_kernel(Toeplitz(physics, x.shape).kernel, (patch,) * 3)
    return stacked(x, places), stacked(back, places), maps, kernel, torch.tensor(sigma)


@lru_cache
def cone(side, views):
    """A cone beam, its approximate A^T A, and A^T 1."""
    shape = (1, side, side, side)
    physics = OPERATORS["cone_beam"](shape, None, views)
    normal = DiagonalCirculant(physics, (1, *shape))
    normal.fit(samples=FIT_SAMPLES)
    ones = torch.ones(1, 1, views, *physics.detector)
    return physics, normal, physics.A_adjoint(ones)


def ct(rng, x, patch, count):
    """Patches of a volume, seen by a circular cone beam; see `mri`."""
    views = VIEWS[rng.randint(len(VIEWS))]
    physics, normal, seen = cone(x.shape[-1], views)
    shape = (1, 1, views, *physics.detector)
    mean = float((seen * x).sum()) / np.prod(shape)
    sigma = mean * float(log_uniform(rng, *CT_NOISE, None))
    noise = torch.from_numpy(rng.standard_normal(shape)).float()
    back = sigma * physics.A_adjoint(noise)
    places = cut(rng, x.shape[-1], patch, count)
    maps = stacked(normal.sensitivity[None, None], places)
    kernel = cut_kernel(normal.kernel, (patch,) * 3)
    return stacked(x, places), stacked(back, places), maps, kernel, torch.tensor(sigma)


def draw(sampler, step, problem, patch=PATCH, count=BATCH):
    """The patches of one volume."""
    rng = sampler.rng(step)
    return problem(rng, sampler.volume(rng, SIDE), patch, count)


def estimate(model, data):
    """The network's patches, and the true ones."""
    x, back, maps, kernel, sigma = data
    if x.shape[1] == 2:
        normal = between_coils(maps, kernel)
    else:
        normal = between_maps(maps[:, 0], kernel, complex=False)
    with torch.no_grad():
        back = back + normal(x)
    with autocast(x.device):
        return model(back, normal, sigma.item()), x


def loss(model, data, step):
    """The logarithmic loss of the root mean square errors of patches."""
    found, x = estimate(model, data)
    error = (found.float() - x).flatten(1).square().mean(1)
    return logarithmic((error + 1e-12).sqrt())


def validate(model, sampler, problem):
    """PSNR of patches of held-out volumes, for the two levels."""
    device, scores = device_of(model), []
    for index in range(4):
        rng = validation_rng(index)
        data = problem(rng, sampler.validation(index, SIDE), PATCH, 4)
        found, x = estimate(model, [part.to(device) for part in data])
        scores.append(mean_psnr(found, x + 1e-6))
    return {"psnr": round(float(np.mean(scores)), 3)}


LEARNED = {
    "mri": {"mri": {"images": ["complex"], "sigma": MRI_NOISE}},
    "ct": {"cone_beam": {"images": ["gray"], "sigma": CT_NOISE, "relative": True}},
}


def recipe(name, problem, kind, steps, **settings):
    """The recipe of one network."""
    return Recipe(
        name,
        partial(Unrolled3D, 2 if kind == "mri" else 1, **settings),
        partial(draw, problem=problem),
        loss,
        partial(validate, problem=problem),
        steps=steps,
        lr=1.5e-3,
        patch=PATCH,
        learned=LEARNED[kind],
        sampler=VolumeSampler,
        bits=8,
    )


RECIPES = [
    recipe("unrolled_3d_mri", mri, "mri", 4000),
    recipe("unrolled_3d_ct", ct, "ct", 4000),
    recipe("unrolled_slices_mri", mri, "mri", 4000, dim=2),
    recipe("unrolled_slices_ct", ct, "ct", 4000, dim=2),
]
