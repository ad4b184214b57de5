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
from .loop import Recipe, autocast, device_of, mean_psnr
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


def cut(rng, side, patch, count):
    """Random places of some patches, as indices."""
    places = rng.randint(side - patch + 1, size=(count, 3))
    return [window(place, (patch,) * 3) for place in places]


def stacked(x, places):
    """The patches of an image (1, C, ...) at some places, (B, C, ...)."""
    return torch.cat([x[place] for place in places])


def mri(rng, sampler, side):
    """Volumes seen by multi-coil MRI.

    Returns
    -------
    x : tensor (B, 2, side, side, side)
        One volume, or `BATCH` where they are no larger than a patch.
    physics : deepinv.physics.LinearPhysics
    noise : tensor
        White noise of the shape of y.
    sigma : float
        Its level.
    maps, kernel : tensor
        As `between_coils` takes them, of the whole volume.
    """
    x = volumes(rng, sampler, side)
    x = torch.cat([with_phase(part[None], int(rng.randint(2**31))) for part in x])
    acceleration = ACCELERATIONS[rng.randint(len(ACCELERATIONS))]
    physics = OPERATORS["multicoil_mri"](tuple(x.shape[1:]), rng, acceleration, COILS)
    sigma = float(log_uniform(rng, *MRI_NOISE, None))
    shape = (len(x), 2, COILS, *x.shape[2:])
    noise = torch.from_numpy(rng.standard_normal(shape)).float() * measured(physics)
    return (
        x,
        physics,
        noise,
        sigma,
        physics.coil_maps,
        Toeplitz(physics, x.shape).kernel,
    )


@lru_cache
def cone(side, views):
    """A cone beam, and its approximate A^T A."""
    shape = (1, side, side, side)
    physics = OPERATORS["cone_beam"](shape, None, views)
    normal = DiagonalCirculant(physics, (1, *shape))
    normal.fit(samples=FIT_SAMPLES)
    return physics, normal.positive()


def ct(rng, sampler, side):
    """Volumes seen by a circular cone beam; see `mri`."""
    x = volumes(rng, sampler, side)
    views = VIEWS[rng.randint(len(VIEWS))]
    physics, normal = cone(side, views)
    shape = (len(x), 1, views, *physics.detector)
    noise = torch.from_numpy(rng.standard_normal(shape)).float()
    sigma = float(log_uniform(rng, *CT_NOISE, None)) * float(physics.A(x[:1]).mean())
    return x, physics, noise, sigma, normal.sensitivity[None, None], normal.kernel


def volumes(rng, sampler, side):
    """One random volume, or several where they are no larger than a patch."""
    count = BATCH if side <= PATCH else 1
    return torch.cat([sampler.volume(rng, side) for _ in range(count)])


def draw(sampler, step, problem, side, partitioned=True):
    """The problems of a step: patches of one volume, or small whole volumes.

    Without `partitioned`, the large volumes are whole, too.
    """
    rng = sampler.rng(step)
    if step < DENOISING:
        return noisy(rng, problem, volumes(rng, sampler, side if step % 2 else PATCH))
    if not step % 2:
        return whole(*problem(rng, sampler, PATCH))
    drawn = problem(rng, sampler, side)
    return patches(rng, *drawn) if partitioned else whole(*drawn)


def noisy(rng, problem, x):
    """Patches of volumes, the same with white noise, and its level."""
    if problem is mri:
        x = torch.cat([with_phase(part[None], int(rng.randint(2**31))) for part in x])
    if len(x) == 1:
        x = stacked(x, cut(rng, x.shape[-1], PATCH, BATCH))
    level = float(log_uniform(rng, *LEVELS, None))
    noise = torch.from_numpy(rng.standard_normal(x.shape)).float()
    return x, x + level * noise, torch.tensor(level)


def whole(x, physics, noise, sigma, maps, kernel):
    """The problems of whole volumes.

    Returns
    -------
    tuple of tensor
        The true images, b, the maps, the kernel, and sigma.
    """
    seen = physics.A_adjoint(physics.A(x) + sigma * noise)
    return x, seen, maps, cut_kernel(kernel, x.shape[2:]), torch.tensor(sigma)


def patches(rng, x, physics, noise, sigma, maps, kernel):
    """The problems of patches of one volume; see `whole`."""

    def normal(v):
        return physics.A_adjoint(physics.A(v))

    seen = physics.A_adjoint(physics.A(x) + sigma * noise)
    count = int(rng.randint(1, CONTEXT + 1))
    estimate = conjugate_gradient(normal, seen, None, count)
    context = x + float(rng.uniform()) * (estimate - x)
    residual = seen - normal(context)
    places = cut(rng, x.shape[-1], PATCH, BATCH)
    x, context, residual, maps = (
        stacked(part, places) for part in (x, context, residual, maps)
    )
    kernel = cut_kernel(kernel, (PATCH,) * 3)
    back = residual + local(maps, kernel)(context)
    return x, back, maps, kernel, torch.tensor(sigma)


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


def loss(model, data, step):
    """The logarithmic loss of the root mean square errors of patches."""
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


def validate(model, sampler, problem, side):
    """PSNR of small whole volumes, and of patches with a context; all held out."""
    device, scores = device_of(model), {}
    for name, n in (("whole", PATCH), ("patches", side)):
        found = []
        for index in range(3):
            rng = validation_rng(index)
            drawn = problem(rng, HeldOut(sampler, BATCH * index), n)
            data = whole(*drawn) if n == PATCH else patches(rng, *drawn)
            found.append(mean_psnr(*estimate(model, [p.to(device) for p in data])))
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
        loss,
        partial(validate, problem=problem, side=side),
        steps=STEPS,
        lr=1.5e-3,
        patch=PATCH,
        learned=LEARNED[kind],
        sampler=VolumeSampler,
        bits=8,
    )


RECIPES = [
    recipe("unrolled_3d_mri", mri, MRI_SIDE, "mri"),
    recipe("unrolled_3d_ct", ct, CT_SIDE, "ct"),
    recipe("unrolled_slices_mri", mri, MRI_SIDE, "mri", dim=2),
    recipe("unrolled_slices_ct", ct, CT_SIDE, "ct", dim=2),
    recipe("unrolled_whole_mri", mri, MRI_SIDE, "mri", partitioned=False),
]
