"""Can RAM be applied more than once?

RAM maps a measurement to an image in one go, f(y, A, sigma). The study compares ways to
apply it again, on the bundled pictures:

- twicing: f(2 y - A x), with x = f(y): what x misses of y is added back.
- small steps: y moves towards A f(y) in a few equal steps, while the noise that RAM is told
  falls to zero.
- H = A: the mean of f(A x + n) for five draws of noise n.
- in splitting: RAM removes white noise in `dpir`, instead of its denoiser.

Numbers of steps and weights are those with the best PSNR on the tuning pictures. Sharpness is
the mean gradient of the estimate over that of the picture. HaarPSI is a perceptual
similarity (Reisenhofer et al., 2018; settings for photographs by Karner et al., 2024).
"""

from functools import partial

import deepinv as dinv
import pandas as pd
import torch
from tqdm import tqdm

from ..judge.case import Case
from ..methods.dpir import dpir
from ..networks.ram import load_ram
from ..physics.catalogue import GAUSSIAN_BLUR, MISSING_PIXELS, MOTION_BLUR
from ..physics.noise import noise_level, noisy, with_noise
from ..problems.images import open_images
from ..problems.problem import Problem, Task
from ..report.tables import formatted
from . import study_parser

# Bundled weights behind the tables.
WEIGHTS = ("ram",)
CROP, DRAWS = 128, 5
TASKS = {
    "denoising": Task("denoising", sigma=25 / 255),
    "inpainting": Task.of("inpainting", MISSING_PIXELS["random_50"]),
    "Gaussian blur": Task.of("gaussian_blur", GAUSSIAN_BLUR["medium"]),
    "motion blur": Task.of("motion_blur", MOTION_BLUR["medium"]),
    "SR x4": Task("downsampling", {"factor": 4}, sigma=0.01),
}
# Least noise that RAM is told, as in its training.
FLOOR = 1 / 255


def once(y, physics, ram):
    return ram(y, physics)


def twicing(y, physics, ram):
    return ram(2 * y - physics.A(ram(y, physics)), physics)


def small_steps(y, physics, ram, steps):
    """At time t = 1 to 0 the noise is t times that of the measurement."""
    sigma = noise_level(physics, y)
    for k in range(steps):
        time = 1 - k / steps
        x = ram(y, with_noise(physics, max(time * sigma, FLOOR)))
        y = y + (physics.A(x) - y) / (steps - k)
    return x


def measured_again(y, physics, ram):
    x = ram(y, physics)
    return sum(ram(noisy(physics, x), physics) for _ in range(DRAWS)) / DRAWS


def in_splitting(y, physics, ram, lambda_):
    def denoiser(x, sigma):
        return ram(x, dinv.physics.Denoising(dinv.physics.GaussianNoise(sigma)))

    return dpir(y, physics, denoiser, lambda_=lambda_)


# {name: the candidates on the tuning pictures}
WAYS = {
    "once": [once],
    "twicing": [twicing],
    "small steps": [partial(small_steps, steps=n) for n in (2, 4, 8)],
    f"H = A, mean of {DRAWS}": [measured_again],
    "in splitting": [partial(in_splitting, lambda_=w) for w in (0.1, 0.2, 0.4, 0.8)],
}


def gradient(x):
    """Mean size of the differences of neighbours."""
    return float(sum(x.diff(dim=axis).abs().mean() for axis in (2, 3)))


def judged(way, ram, problem):
    """Means of the scores over the images of a problem."""
    rows = []
    for index in range(len(problem)):
        x, observation = problem.judged(index)
        torch.manual_seed(index)
        with torch.no_grad():
            x_hat = way(observation.y, observation.physics, ram)
        case = Case(x_hat, x, observation)
        rows.append(
            {
                "PSNR": case.psnr(),
                "SSIM": case.ssim(),
                "HaarPSI": case.haarpsi(),
                "sharpness": gradient(x_hat) / gradient(x),
            }
        )
    return pd.DataFrame(rows).mean()


def results(ram):
    """{score: table of ways (rows) and problems (columns)}, and the settings chosen."""
    tables, settings = {}, {}
    for name, task in TASKS.items():
        scored = Problem(open_images("bundled"), task, crop=CROP)
        tuning = Problem(open_images("tuning"), task, crop=CROP)
        for way, candidates in tqdm(WAYS.items(), desc=name):
            best = candidates[0]
            if len(candidates) > 1:
                best = max(candidates, key=lambda c: judged(c, ram, tuning)["PSNR"])
                (settings.setdefault(way, {})[name],) = best.keywords.values()
            for score, value in judged(best, ram, scored).items():
                tables.setdefault(score, {}).setdefault(name, {})[way] = value
    tables = {score: pd.DataFrame(columns) for score, columns in tables.items()}
    return tables, pd.DataFrame(settings).T


def main(arguments):
    """Print a table for each score."""
    study_parser("iterated_ram", __doc__).parse_args(arguments)
    ram = load_ram("bundled", "full", "ram").eval().requires_grad_(False)
    tables, settings = results(ram)
    for score, table in tables.items():
        digits = 2 if score in ("PSNR", "sharpness") else 3
        print("\n" + formatted(table, "markdown", digits, label=score))
    print("\n" + formatted(settings, "markdown", 1, label="steps or weight"))
