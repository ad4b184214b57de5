"""The tasks that learned reconstructors are trained on, and their common loss.

As in the paper on RAM (Terris et al., 2025) one network learns denoising, deblurring,
super-resolution, inpainting, MRI and tomography, with random operators and noise
levels. A step holds patches of all tasks in one batch: batches of one task each make
the gradient too noisy to learn super-resolution in an hour.
"""

import math
from functools import lru_cache

import deepinv as dinv
import numpy as np
import torch

from .. import operators
from ..noise import add_noise
from .data import PhantomSampler, to_complex, validation_rng
from .loop import autocast, device_of, mean_psnr

# Patches of each task in a step. Super-resolution and inpainting are the farthest
# from the denoiser that most networks start from.
SHARES = {
    "denoising": 2,
    "gaussian": 3,
    "motion": 3,
    "sr2": 2,
    "sr4": 3,
    "inpainting": 3,
}
# One step in five has fewer, larger patches, in which the seams that circular
# operators make at the border weigh less: one patch of each of these tasks.
LARGE = 128
LARGE_TASKS = ("gaussian", "motion", "sr4", "inpainting")
# Complex images and sinograms: whole images of LARGE pixels, half of them phantoms.
COMPLEX_SHARES = {"denoising": 1, "mri": 3}
TOMOGRAPHY_SHARES = {"tomography": 3}
# Which steps of 16 have them; tomography is slow.
MODALITIES = {3: COMPLEX_SHARES, 7: TOMOGRAPHY_SHARES, 11: COMPLEX_SHARES}
# L1 error at which an image's weight is halved, about the final mean error.
TYPICAL_ERROR = 0.02
VALIDATION_CROP = 128


def log_uniform(rng, low, high, size):
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def noise_levels(rng, sigma):
    """Gaussian noise of level sigma (B,), or for one image in four a Poisson one.

    Poisson noise keeps the Gaussian part in half of the cases.
    """
    size = len(sigma)
    poisson = rng.uniform(size=size) < 0.25
    gain = np.where(poisson, log_uniform(rng, 0.005, 0.1, size), 0)
    return np.where(poisson & (rng.uniform(size=size) < 0.5), 0, sigma), gain


def measure(rng, physics, x, sigma, gain=0.0):
    """Measurements of x with noise levels (B,), and what `prepare` needs of them."""
    physics = physics.to(x.device)
    y = add_noise(physics.A(x), physics, rng, sigma, gain)
    levels = (np.broadcast_to(level, len(x)).copy() for level in (sigma, gain))
    return y, physics, *(torch.from_numpy(level).to(x) for level in levels)


def denoising(rng, x):
    levels = noise_levels(rng, rng.uniform(0, 55 / 255, len(x)))
    return measure(rng, dinv.physics.Denoising(), x, *levels)


def blur(rng, x, kernels):
    levels = noise_levels(rng, log_uniform(rng, 0.001, 0.1, len(x)))
    physics = dinv.physics.BlurFFT(x.shape[1:], torch.cat(kernels))
    return measure(rng, physics, x, *levels)


def gaussian(rng, x):
    """Gaussian blurs of 0.5 to 4 pixels, one an image, centred in 29x29."""
    kernels = [operators.gaussian_kernel(std) for std in rng.uniform(0.5, 4, len(x))]
    half = 14
    margins = [half - kernel.shape[-1] // 2 for kernel in kernels]
    kernels = [
        torch.nn.functional.pad(kernel, (margin,) * 4)
        for kernel, margin in zip(kernels, margins, strict=True)
    ]
    return blur(rng, x, kernels)


def motion(rng, x):
    """Motion blurs of 31x31 pixels, one an image."""
    # A quarter of the default's points: its Cholesky factor would slow the step.
    paths = [(rng.uniform(0.1, 1.2), rng.uniform(0.1, 1)) for _ in x]
    return blur(rng, x, [operators.motion_kernel(rng, *p, points=250) for p in paths])


@lru_cache(maxsize=16)
def downsampling(shape, factor):
    return operators.downsampling(shape, None, factor)


def super_resolution(rng, x, factor):
    physics = downsampling(tuple(x.shape[1:]), factor)
    return measure(rng, physics, x, rng.uniform(0, 0.05, len(x)))


def sr2(rng, x):
    return super_resolution(rng, x, 2)


def sr4(rng, x):
    return super_resolution(rng, x, 4)


def inpainting(rng, x):
    """Random pixels missing, or in one image out of four random lines."""
    size, _, height, width = x.shape
    masks = []
    for _ in range(size):
        lines, keep = rng.uniform() < 0.25, rng.uniform(0.2, 0.8)
        mask = rng.random_sample((height, 1 if lines else width)) < keep
        masks.append(np.broadcast_to(mask, (height, width)))
    mask = torch.from_numpy(np.stack(masks)).float().unsqueeze(1).expand(x.shape)
    physics = dinv.physics.Inpainting(x.shape[1:], mask)
    return measure(rng, physics, x, rng.uniform(0, 0.05, size))


def mri(rng, x):
    """Cartesian sampling of complex images, accelerated 4 or 8 times."""
    acceleration = (4, 8)[rng.randint(2)]
    centre = operators.MRI_CENTRE[acceleration]
    physics = operators.mri(tuple(x.shape[1:]), rng, acceleration, centre)
    return measure(rng, physics, x, rng.uniform(0, 0.05, len(x)))


class Product(torch.autograd.Function):
    """A sparse matrix times a dense one, whose gradient needs the transposed matrix."""

    @staticmethod
    def forward(ctx, x, matrix, transposed):
        ctx.save_for_backward(matrix, transposed)
        return matrix @ x

    @staticmethod
    def backward(ctx, gradient):
        matrix, transposed = ctx.saved_tensors
        return Product.apply(gradient, transposed, matrix), None, None


class SparseTomography(dinv.physics.LinearPhysics):
    """deepinv's parallel-beam tomography as a sparse matrix, five times faster.

    Its Radon transform rotates the image by bilinear interpolation and sums its
    columns: each sample of a rotated image is four entries of a row.

    Parameters
    ----------
    physics : deepinv.physics.Tomography
    width : int
        Side of the square gray images.
    """

    def __init__(self, physics, width):
        super().__init__(noise_model=dinv.physics.ZeroNoise())
        grids = physics.radon.all_grids
        angles = len(physics.radon.theta)
        grids = grids.view(grids.shape[1], angles, -1, 2).transpose(0, 1)
        detectors = grids.shape[2]
        before = (detectors - width + 1) // 2  # of the padding to the diagonal
        place = (grids + 1) / 2 * (detectors - 1) - before
        corner = place.floor()
        angle = torch.arange(angles).view(-1, 1, 1)
        row = (torch.arange(detectors) * angles + angle).expand(corner.shape[:3])
        indices, values = [], []
        for dy in (0, 1):
            for dx in (0, 1):
                tap = corner + torch.tensor((dx, dy))
                weight = (1 - (place - tap).abs()).prod(-1)
                inside = ((tap >= 0) & (tap < width)).all(-1)
                column = (tap[..., 1] * width + tap[..., 0]).long()
                indices.append(torch.stack((row[inside], column[inside])))
                values.append(weight[inside])
        size = (detectors * angles, width**2)
        matrix = torch.sparse_coo_tensor(
            torch.cat(indices, 1),
            torch.cat(values) / physics.operator_norm,
            size,
            check_invariants=True,
        )
        self.register_buffer("matrix", matrix.coalesce().to_sparse_csr())
        self.register_buffer("transposed", matrix.T.coalesce().to_sparse_csr())
        self.shapes = (1, width, width), (1, detectors, angles)

    def __reduce__(self):
        # Another process makes the matrices itself, once: they are large.
        (_, width, _), (*_, angles) = self.shapes
        return sparse_tomography, (width, angles)

    def A(self, x, **_):
        y = Product.apply(x.flatten(1).T, self.matrix, self.transposed)
        return y.T.reshape(-1, *self.shapes[1])

    def A_adjoint(self, y, **_):
        x = Product.apply(y.flatten(1).T, self.transposed, self.matrix)
        return x.T.reshape(-1, *self.shapes[0])


@lru_cache
def sparse_tomography(width, angles):
    physics = operators.tomography((1, width, width), None, angles)
    return SparseTomography(physics, width)


def tomography(rng, x):
    """Parallel-beam tomography from 20 or 60 angles, noise relative to the mean."""
    physics = sparse_tomography(x.shape[-1], (20, 60)[rng.randint(2)])
    mean = physics.to(x.device).A(x).abs().mean().item()
    return measure(rng, physics, x, mean * log_uniform(rng, 0.005, 0.05, len(x)))


TASKS = {
    "denoising": denoising,
    "gaussian": gaussian,
    "motion": motion,
    "sr2": sr2,
    "sr4": sr4,
    "inpainting": inpainting,
    "mri": mri,
    "tomography": tomography,
}


@lru_cache
def phantoms(channels):
    """The phantoms of training, which take 0.1 s each and are kept."""
    return PhantomSampler(channels, count=400)


def medical(sampler, rng, shares):
    """Complex images or real phantoms, whose operators need their whole field of view.

    Half of the complex ones are photographs with a random phase.
    """
    size = sum(shares.values())
    if "tomography" in shares:
        return phantoms(1).batch(rng, size)
    if rng.uniform() < 0.5:
        return phantoms(2).batch(rng, size)
    return to_complex(rng, sampler.batch(rng, size, channels=1, patch=LARGE))


def batch(
    sampler,
    step,
    shares=SHARES,
    large_tasks=LARGE_TASKS,
    modalities=MODALITIES,
    copies=1,
):
    """The images of a step and the number of each task.

    Of the steps with photographs those in gray are 1, 5, 9 and 13 of 16.

    Parameters
    ----------
    shares : dict
        {task: photographs of a step}.
    large_tasks : tuple of str
        Tasks of the steps with one larger patch each; none: no such steps.
    modalities : dict
        {step of 16: shares of other images}.
    copies : int
        Factor of all numbers of images.
    """
    rng = sampler.rng(step)
    medical_step, patch = step % 16 in modalities, None
    if medical_step:
        shares = modalities[step % 16]
    elif step % 5 == 4 and large_tasks:
        shares = {task: 1 for task in shares if task in large_tasks} or shares
        patch = LARGE
    shares = {task: copies * n for task, n in shares.items()}
    if medical_step:
        return rng, medical(sampler, rng, shares), shares
    channels = 1 if step % 4 == 1 else 3
    return rng, sampler.batch(rng, sum(shares.values()), channels, patch), shares


def draw(sampler, step, **settings):
    """Images of a step and their measurements, a problem a task.

    Parameters
    ----------
    **settings
        Of `batch`.

    Returns
    -------
    tuple
        The images (B, C, H, W), and for each task, in their order, (y, physics, sigma,
        gain) as `measure` returns them.
    """
    rng, x, shares = batch(sampler, step, **settings)
    parts = x.split(list(shares.values()))
    tasks = zip(shares, parts, strict=True)
    return x, [TASKS[task](rng, part) for task, part in tasks]


def loss(model, data, step, l1_steps=math.inf):
    """Mean over images of log(1 + error / t), times t, of the L1 errors.

    PSNR is a logarithm of the error: an image's gradient is divided by
    1 + error / t, so that easy tasks (little noise, small errors) do not starve
    behind hard ones, and the value stays that of L1 for small errors.

    Parameters
    ----------
    model : LearnedReconstructor
    data : tuple
        What `draw` returns.
    l1_steps : int
        From this step on the errors are root mean squares, which PSNR measures; L1
        learns faster.
    """
    x, problems = data
    with autocast(x.device):
        estimate = model.solve([model.prepare(*problem) for problem in problems])
    error = (estimate.float() - x).flatten(1)
    if step < l1_steps:
        error = error.abs().mean(1)
    else:
        error = error.square().mean(1).sqrt()
    return TYPICAL_ERROR * (error / TYPICAL_ERROR).log1p().mean()


def validation_problems(sampler):
    """{name: (truth, physics, noise level)}: one level of each task, held-out images."""
    x = sampler.validation(3, VALIDATION_CROP)
    rng = validation_rng()
    shape = tuple(x.shape[1:])
    problems = {
        "denoise_25": (x, operators.denoising(shape, rng), 25 / 255),
        "blur_2": (x, operators.gaussian_blur(shape, rng, 2.0), 0.05),
        "motion": (
            x,
            operators.motion_blur(shape, rng, 2, length_scale=0.6, std=0.5),
            0.05,
        ),
        "sr2": (x, downsampling(shape, 2), 0.01),
        "sr4": (x, downsampling(shape, 4), 0.01),
        "inpaint_50": (x, operators.inpainting(shape, rng, 0.5), 0.01),
    }
    z = phantoms(2).validation()
    shape = tuple(z.shape[1:])
    problems["mri4"] = (z, operators.mri(shape, rng, 4, operators.MRI_CENTRE[4]), 0.005)
    z = phantoms(1).validation()[:2]  # slow
    physics = operators.tomography(tuple(z.shape[1:]), rng, 60)
    problems["ct60"] = (z, physics, 0.02 * physics.A(z).mean().item())
    return problems


def validate(model, sampler, modalities=True):
    """PSNR in colour (MRI: complex, CT: gray) of one level of each task."""
    rng, device = validation_rng(1), device_of(model)
    scores = {}
    for name, (truth, physics, sigma) in validation_problems(sampler).items():
        if not modalities and truth.shape[1] != 3:
            continue
        truth = truth.to(device)
        y, *problem = measure(rng, physics, truth, sigma)
        with autocast(device):
            estimate = model(y, *problem)
        scores[name] = mean_psnr(estimate, truth)
    return scores
