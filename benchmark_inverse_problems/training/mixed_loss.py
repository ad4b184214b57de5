"""The loss and the scores of networks that learn all tasks at once."""

import math

from ..physics.catalogue import MRI_CENTRE, OPERATORS
from ..physics.operators.downsampling import kept_downsampling
from .data import validation_rng
from .loop import autocast, device_of, mean_psnr
from .random_problems import measure, phantoms

# L1 error at which an image's weight is halved, about the final mean error.
TYPICAL_ERROR = 0.02
VALIDATION_CROP = 128


def loss(model, data, step, l1_steps=math.inf):
    """The mean over images of t log(1 + error / t), with the L1 error of each image.

    t is `TYPICAL_ERROR`. Like PSNR, the loss is logarithmic in the error. The gradient
    of an image is divided by 1 + error / t. Easy tasks, which have little noise and
    small errors, thus keep their weight next to hard tasks. For small errors the loss
    equals the L1 error.

    Parameters
    ----------
    model : LearnedReconstructor
    data : tuple
        What `draw` returns.
    l1_steps : int
        From this step on, the errors are root mean square errors, which PSNR measures.
        L1 learns faster.
    """
    x, problems = data
    with autocast(x.device):
        estimate = model.solve([model.prepare(*problem) for problem in problems])
    error = (estimate.float() - x).flatten(1)
    if step < l1_steps:
        error = error.abs().mean(1)
    else:
        error = error.square().mean(1).sqrt()
    return logarithmic(error)


def logarithmic(error):
    """The mean of t log(1 + error / t) of the errors (B,) of images."""
    return TYPICAL_ERROR * (error / TYPICAL_ERROR).log1p().mean()


def validation_problems(sampler):
    """{name: (truth, physics, noise level)}: one level of each task, held-out images."""
    x = sampler.validation(3, VALIDATION_CROP)
    rng = validation_rng()
    shape = tuple(x.shape[1:])
    problems = {
        "denoise_25": (x, OPERATORS["denoising"](shape, rng), 25 / 255),
        "blur_2": (x, OPERATORS["gaussian_blur"](shape, rng, 2.0), 0.05),
        "motion": (
            x,
            OPERATORS["motion_blur"](shape, rng, 2, length_scale=0.6, std=0.5),
            0.05,
        ),
        "sr2": (x, kept_downsampling(shape, 2), 0.01),
        "sr4": (x, kept_downsampling(shape, 4), 0.01),
        "inpaint_50": (x, OPERATORS["inpainting"](shape, rng, 0.5), 0.01),
    }
    z = phantoms(2).validation()
    shape = tuple(z.shape[1:])
    problems["mri4"] = (z, OPERATORS["mri"](shape, rng, 4, MRI_CENTRE[4]), 0.005)
    z = phantoms(1).validation()[:2]  # two only: tomography is slow
    physics = OPERATORS["tomography"](tuple(z.shape[1:]), rng, 60)
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
