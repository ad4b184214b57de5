"""What does RAM do when its operator is not quite right?

The pictures are blurred with one kernel, and RAM is told another one: the mean of the true
kernel and of a wrong one, with more and more of the wrong one. RAM may be told more noise than
there is, so that it trusts the measurement less. The tables have the PSNR for each factor on
the noise level. The factor `robust` is the one with the best mean over all errors of the
kernel on the tuning pictures. `as denoiser` is RAM without any operator.
"""

import deepinv as dinv
import pandas as pd
import torch
from torch.nn.functional import pad
from tqdm import tqdm

from ..judge.case import Case
from ..networks.ram import load_ram
from ..physics.catalogue import GAUSSIAN_BLUR, MOTION_BLUR
from ..physics.noise import noise_level, with_noise
from ..problems.images import open_images
from ..problems.problem import Problem, Task
from ..report.tables import formatted
from . import study_parser

# Bundled weights behind the tables.
WEIGHTS = ("ram",)
CROP = 128
GAUSSIAN = Task.of("gaussian_blur", GAUSSIAN_BLUR["medium"])
MOTION = Task.of("motion_blur", MOTION_BLUR["medium"])
# {name: (task, settings of the wrong kernel)}
CASES = {
    "Gaussian, too wide": (GAUSSIAN, {"std": 3.0}),
    "Gaussian, too narrow": (GAUSSIAN, {"std": 1.3}),
    "motion, another path": (MOTION, MOTION.settings | {"seed": 12}),
}
# Shares of the wrong kernel, and factors on the noise level.
SHARES, FACTORS = (0.0, 0.1, 0.2, 0.4, 0.8), (1, 2, 4, 8)


def told(right, wrong, share):
    """The operator that is told, and the relative error of its kernel."""
    side = max(right.filter.shape[-1], wrong.filter.shape[-1])
    a, b = (
        pad(kernel, [(side - kernel.shape[-1]) // 2] * 4)
        for kernel in (right.filter, wrong.filter)
    )
    mixed = (1 - share) * a + share * b
    physics = dinv.physics.BlurFFT(img_size=right.img_size, filter=mixed)
    return physics, float((mixed - a).norm() / a.norm())


def scores(ram, name, images):
    """PSNR by share of the wrong kernel (row) and factor (column), means over a set."""
    task, settings = CASES[name]
    problem = Problem(open_images(images), task, crop=CROP)
    rows = []
    for index in tqdm(range(len(problem)), desc=f"{name}, {images}"):
        x, observation = problem.judged(index)
        y, right = observation.y, observation.physics
        wrong, _ = problem.make_operator(observation.shape, index, settings)
        level = noise_level(right, y)

        def score(physics, factor, y=y, x=x, level=level, observation=observation):
            with torch.no_grad():
                x_hat = ram(y, with_noise(physics, factor * level))
            return Case(x_hat, x, observation).psnr()

        floor = score(dinv.physics.Denoising(), 1)
        for share in SHARES:
            physics, error = told(right, wrong, share)
            found = {f"noise x{factor}": score(physics, factor) for factor in FACTORS}
            rows.append(
                {"share": share, "kernel error": error} | found | {"as denoiser": floor}
            )
    return pd.DataFrame(rows).groupby("share").mean()


def main(arguments):
    """Print a table for each kind of error."""
    study_parser("uncertain_operator", __doc__).parse_args(arguments)
    ram = load_ram("bundled", "full", "ram").eval().requires_grad_(False)
    columns = [f"noise x{factor}" for factor in FACTORS]
    tuned = {name: scores(ram, name, "tuning")[columns].mean() for name in CASES}
    robust = pd.DataFrame(tuned).mean(axis=1).idxmax()
    for name in CASES:
        table = scores(ram, name, "bundled")
        table[f"robust ({robust})"] = table[robust]
        table.index = [f"{share:.0%} wrong" for share in table.index]
        print("\n" + formatted(table, "markdown", 2, label=name))
