"""Unrolled networks of volumes, trained on patches as partitioned reconstruction sees them.

A patch's problem is that of `PartitionedReconstructor`: for an estimate c of the volume,

    b = S A^T (y - A c) + G S c,    G = S A^T A S^T or its approximation,

where S cuts the patch out. With c = x this is the loss of R. Vo and J. Tachella,
"Efficient Unrolled Networks for Large-Scale 3D Inverse Problems", CVPR 2026. Here c is
between x and a few conjugate gradients, as the context is never the truth in use. Every
other step has small whole volumes, c = 0: the first estimate is that of a whole volume.
No step differentiates through A. Each step has another volume, and for MRI other coils
and another mask. The first steps train the denoiser alone, which takes a fifth of the
time.
"""

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch

from ..networks.unrolled_3d import Unrolled3D, conjugate_gradient
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
from .loop import Recipe, autocast, device_of, mean_psnr, on_device
from .mixed_loss import logarithmic
from .random_problems import log_uniform

# Side of the patches, patches of a step, and side of the volumes that have a context.
PATCH, BATCH = 32, 4
MRI_SIDE, CT_SIDE = 64, 48
COILS, ACCELERATIONS, MRI_NOISE = 4, (4, 8), (0.005, 0.05)
VIEWS, CT_NOISE = (30, 60), (0.003, 0.03)
# Steps, those of them that train the denoiser, and its levels.
STEPS, DENOISING, LEVELS = 4200, 2000, (0.01, 0.3)
# Largest number of conjugate gradients of the estimate that gives the context.
CONTEXT = 3
# White volumes that fit the approximate A^T A of cone beams.
FIT_SAMPLES = 300


def corners(rng, side, patch, count):
    """Random places of some patches: their least indices (count, 3)."""
    return torch.from_numpy(rng.randint(side - patch + 1, size=(count, 3)))


def stacked(x, places):
    """The patches of an image (1, C, ...) at some places, (B, C, ...)."""
    size = (PATCH,) * 3
    return torch.cat([x[window(place, size)] for place in places.tolist()])


@dataclass(frozen=True)
class Problem:
    """What the volumes of a recipe are seen by.

    Attributes
    ----------
    draw : callable (rng, sampler, side) -> tuple
        Random parts: volumes (B, C, side, side, side), the operator or what it depends
        on, white noise of the shape of y, and its level.
    operator : callable (x, drawn, level) -> tuple
        The operator, the level of the noise, the maps and the kernel as `local` takes
        them, for volumes and the second and last parts of `draw`. It works on the device
        of x.
    """

    draw: callable
    operator: callable


def draw_mri(rng, sampler, side):
    """Volumes, multi-coil MRI, noise and its level."""
    x = complex_phase(rng, volumes(rng, sampler, side))
    acceleration = ACCELERATIONS[rng.randint(len(ACCELERATIONS))]
    physics = OPERATORS["multicoil_mri"](tuple(x.shape[1:]), rng, acceleration, COILS)
    level = torch.tensor(float(log_uniform(rng, *MRI_NOISE, None)))
    shape = (len(x), 2, COILS, *x.shape[2:])
    noise = torch.from_numpy(rng.standard_normal(shape)).float() * measured(physics)
    return x, physics, noise, level


def mri_operator(x, physics, level):
    """See `Problem`."""
    return physics, level, physics.coil_maps, Toeplitz(physics, x.shape).kernel


@lru_cache
def cone(side, views, device):
    """A cone beam, and its approximate A^T A."""
    shape = (1, side, side, side)
    physics = OPERATORS["cone_beam"](shape, None, views).to(device)
    normal = DiagonalCirculant(physics, (1, *shape))
    normal.fit(samples=FIT_SAMPLES)
    return physics, normal.positive()


def draw_ct(rng, sampler, side):
    """Volumes, the number of views, noise and its level relative to the mean of y."""
    x = volumes(rng, sampler, side)
    views = VIEWS[rng.randint(len(VIEWS))]
    physics = OPERATORS["cone_beam"]((1, side, side, side), None, views)
    shape = (len(x), 1, views, *physics.detector)
    noise = torch.from_numpy(rng.standard_normal(shape)).float()
    level = torch.tensor(float(log_uniform(rng, *CT_NOISE, None)))
    return x, torch.tensor(views), noise, level


def ct_operator(x, views, level):
    """See `Problem`."""
    physics, normal = cone(x.shape[-1], int(views), x.device)
    level = level * physics.A(x[:1]).mean()
    return physics, level, normal.sensitivity[None, None], normal.kernel


MRI, CT = Problem(draw_mri, mri_operator), Problem(draw_ct, ct_operator)


def volumes(rng, sampler, side):
    """One random volume, or several where they are no larger than a patch."""
    count = BATCH if side <= PATCH else 1
    return torch.cat([sampler.volume(rng, side) for _ in range(count)])


def complex_phase(rng, x):
    """Volumes with a random smooth phase each, as two channels."""
    return torch.cat([with_phase(part[None], int(rng.randint(2**31))) for part in x])


def draw(sampler, step, problem, side, partitioned=True):
    """The random parts of a step: of patches of a volume, or of small whole volumes.

    Without `partitioned`, the large volumes are whole, too.
    """
    rng = sampler.rng(step)
    if step < DENOISING:
        x = volumes(rng, sampler, side if step % 2 else PATCH)
        return noisy(rng, complex_phase(rng, x) if problem == MRI else x)
    if not step % 2:
        return problem.draw(rng, sampler, PATCH)
    drawn = problem.draw(rng, sampler, side)
    return drawn + context(rng, side) if partitioned else drawn


def context(rng, side):
    """The random parts of the context of a step's patches, and their places.

    Returns
    -------
    tuple of tensor
        The number of conjugate gradients, their share, and the places of `corners`.
    """
    count = int(rng.randint(1, CONTEXT + 1))
    share = float(rng.uniform())
    return torch.tensor(count), torch.tensor(share), corners(rng, side, PATCH, BATCH)


def noisy(rng, x):
    """Patches of volumes, the same with white noise, and its level."""
    if len(x) == 1:
        x = stacked(x, corners(rng, x.shape[-1], PATCH, BATCH))
    level = float(log_uniform(rng, *LEVELS, None))
    noise = torch.from_numpy(rng.standard_normal(x.shape)).float()
    return x, x + level * noise, torch.tensor(level)


@torch.no_grad()
def measured_problems(problem, x, drawn, noise, level, *context):
    """The problems of whole volumes, or of patches of one volume.

    Parameters
    ----------
    x, drawn, noise, level
        What `Problem.draw` returns.
    context : tensor
        What `context` returns, for patches. Their context then is between the volume and
        some conjugate gradients.

    Returns
    -------
    tuple of tensor
        The true images, b, the maps, the kernel, and the level of the noise.
    """
    physics, sigma, maps, kernel = problem.operator(x, drawn, level)

    def normal(v):
        return physics.A_adjoint(physics.A(v))

    seen = physics.A_adjoint(physics.A(x) + sigma * noise)
    if not context:
        return x, seen, maps, cut_kernel(kernel, x.shape[2:]), sigma
    count, share, places = context
    estimate = conjugate_gradient(normal, seen, None, int(count))
    estimate = x + share * (estimate - x)
    residual = seen - normal(estimate)
    x, estimate, residual, maps = (
        stacked(part, places) for part in (x, estimate, residual, maps)
    )
    kernel = cut_kernel(kernel, (PATCH,) * 3)
    back = residual + local(maps, kernel)(estimate)
    return x, back, maps, kernel, sigma


def local(maps, kernel):
    """A^T A of patches: between coils of MRI, or approximate."""
    if maps.is_complex():
        return between_coils(maps, kernel)
    return between_maps(maps[:, 0], kernel, complex=False)


def estimate(model, data):
    """The network's patches, and the true ones."""
    x, back, *operator, sigma = data
    with autocast(x.device):
        if not operator:  # a step of the denoiser
            return back + model.correction(back, sigma), x
        maps, kernel = operator
        return model(back, local(maps, kernel), sigma.item()), x


def loss(model, drawn, step, problem):
    """The logarithmic loss of the root mean square errors of patches."""
    data = drawn if step < DENOISING else measured_problems(problem, *drawn)
    found, x = estimate(model, data)
    error = (found.float() - x).flatten(1).square().mean(1)
    return logarithmic((error + 1e-12).sqrt())


class HeldOut:
    """The held-out volumes of a sampler, as if they were drawn."""

    def __init__(self, sampler, index):
        self.sampler, self.index = sampler, index

    def volume(self, rng, side):
        self.index += 1
        return self.sampler.validation(self.index - 1, side)


@lru_cache
def held_out(problem, sampler, index, side):
    """The random parts of a held-out problem, drawn once: they take seconds."""
    rng = validation_rng(index)
    drawn = problem.draw(rng, HeldOut(sampler, BATCH * index), side)
    return drawn if side == PATCH else drawn + context(rng, side)


def validate(model, sampler, problem, side):
    """PSNR of small whole volumes, and of patches with a context; all held out."""
    device, scores = device_of(model), {}
    for name, n in (("whole", PATCH), ("patches", side)):
        found = []
        for index in range(3):
            drawn = on_device(held_out(problem, sampler, index, n), device)
            found.append(
                mean_psnr(*estimate(model, measured_problems(problem, *drawn)))
            )
        scores[name] = round(float(np.mean(found)), 3)
    return scores


LEARNED = {
    "mri": {"mri": {"images": ["complex"], "sigma": MRI_NOISE}},
    "ct": {"cone_beam": {"images": ["gray"], "sigma": CT_NOISE, "relative": True}},
}


def recipe(name, problem, side, kind, partitioned=True, **settings):
    """The recipe of one network."""
    return Recipe(
        name,
        partial(Unrolled3D, 2 if kind == "mri" else 1, **settings),
        partial(draw, problem=problem, side=side, partitioned=partitioned),
        partial(loss, problem=problem),
        partial(validate, problem=problem, side=side),
        steps=STEPS,
        lr=1.5e-3,
        patch=PATCH,
        learned=LEARNED[kind],
        sampler=VolumeSampler,
        bits=8,
    )


RECIPES = [
    recipe("unrolled_3d_mri", MRI, MRI_SIDE, "mri"),
    recipe("unrolled_3d_ct", CT, CT_SIDE, "ct"),
    recipe("unrolled_slices_mri", MRI, MRI_SIDE, "mri", dim=2),
    recipe("unrolled_slices_ct", CT, CT_SIDE, "ct", dim=2),
    recipe("unrolled_whole_mri", MRI, MRI_SIDE, "mri", partitioned=False),
]
