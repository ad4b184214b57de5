"""What do atoms bring that are learned from a blurred or an incomplete picture?

A picture is a flat one plus sparse codes convolved with 24 atoms of 8x8 pixels, as in the
solver `cdl`. The codes are found from the measurement. The atoms are:

- random: white noise.
- DCT: products of cosines.
- from y: learned from the measurement itself, from the DCT on.
- from another picture: learned from one of the tuning pictures, without noise.
- from x: learned from the true picture, without noise. No method can do this.

Half of the pixels are missing, or the picture has medium Gaussian blur. The weight of the
codes is the best one on the tuning pictures, for each kind of atoms and each problem. The
fits are kept in the study's folder, so an interrupted study goes on where it stopped.
"""

from functools import partial
from pathlib import Path

import deepinv as dinv
import pandas as pd
import torch
from tqdm import tqdm

from ..judge.case import Case
from ..methods.dictionary import (
    FINAL,
    INNER,
    LR,
    STEPS,
    ConvolutionalDictionary,
    dct_atoms,
    random_atoms,
)
from ..physics.catalogue import GAUSSIAN_BLUR, MISSING_PIXELS
from ..physics.noise import relative_weight
from ..problems.images import BUNDLED_TEST, BUNDLED_TUNING, gray, open_images
from ..problems.problem import Problem, Task
from ..report.tables import formatted
from . import study_parser
from .resumable import Pieces

WEIGHTS = ()
TASKS = {
    "inpainting": Task.of("inpainting", MISSING_PIXELS["random_50"]),
    "deblurring": Task.of("gaussian_blur", GAUSSIAN_BLUR["medium"]),
}
ATOMS, CROP = 24, 128
# Powers of two are tried as weights of the codes, in noise levels, from 1 on. Smaller ones
# than 2^LEAST take more iterations than the study has.
LEAST = -6
KINDS = ("random", "DCT", "from y", "from another picture", "from x")


def pictures(name, task):
    """The gray pictures of a set, measured."""
    return Problem(gray(open_images(name)), TASKS[task], crop=CROP)


def learned_from(picture, weight):
    """Atoms learned from a picture without noise."""
    exact = dinv.physics.Denoising(dinv.physics.GaussianNoise(0.0))
    dictionary = ConvolutionalDictionary(picture, exact, weight)
    return dictionary.learn(dct_atoms(ATOMS), STEPS)


def atoms_of(kind, dictionary, x, other):
    """The atoms of one of `KINDS` for a picture.

    Parameters
    ----------
    kind : str
    dictionary : ConvolutionalDictionary
        With the measurement.
    x, other : tensor (1, 1, H, W)
        The picture and another one.
    """
    if kind == "random":
        return random_atoms(ATOMS)
    if kind == "DCT":
        return dct_atoms(ATOMS)
    if kind == "from y":
        return dictionary.learn(dct_atoms(ATOMS), STEPS)
    return learned_from(x if kind == "from x" else other, dictionary.weight)


def psnr(name, task, kind, weight, index):
    """PSNR of one picture of a set."""
    problem = pictures(name, task)
    x, observation = problem.judged(index)
    tuning = pictures("tuning", task)
    # Another one also for the tuning pictures themselves.
    other = tuning.truth((index + 1) % len(tuning))

    def reconstruct(y, physics, weight):
        dictionary = ConvolutionalDictionary(y, physics, weight)
        return dictionary.image(atoms_of(kind, dictionary, x, other))

    torch.manual_seed(0)
    with torch.no_grad():
        x_hat = relative_weight(reconstruct, weight)(observation.y, observation.physics)
    return Case(x_hat, x, observation).psnr()


def best_weight(score):
    """The power of two with the best score, where the neighbours are worse."""
    best, found = 0, {0: score(1.0)}
    for step in (-1, 1):
        while best + step >= LEAST:
            found[best + step] = score(2.0 ** (best + step))
            if found[best + step] <= found[best]:
                break
            best += step
    return 2.0**best


def results(pieces, images):
    """PSNR by kind of atoms (row) and problem (column), with the weights."""
    columns = {}
    for task in TASKS:
        for kind in tqdm(KINDS, desc=task):

            def mean(weight, name, count, task=task, kind=kind):
                found = [
                    pieces(
                        f"{name}_{task}_{kind}_{weight}_{index}",
                        *(psnr, name, task, kind, weight, index),
                    )
                    for index in range(count)
                ]
                return sum(found) / count

            tuned = partial(mean, name="tuning", count=len(BUNDLED_TUNING))
            best = best_weight(tuned)
            columns.setdefault(task, {})[kind] = mean(best, "bundled", images)
            columns.setdefault(f"{task}, weight", {})[kind] = best
    return pd.DataFrame(columns)


def main(arguments):
    """Print the table."""
    parser = study_parser("convolutional_dictionaries", __doc__)
    folder = Path("study_runs/convolutional_dictionaries")
    parser.add_argument("--folder", type=Path, default=folder)
    most = len(BUNDLED_TEST)
    parser.add_argument("--images", type=int, default=most)
    chosen = parser.parse_args(arguments)
    if not 1 <= chosen.images <= most:
        parser.error(f"--images {chosen.images} is not possible: use 1 to {most}.")
    settings = [ATOMS, CROP, STEPS, INNER, FINAL, LR, *map(str, TASKS.values())]
    frame = results(Pieces(chosen.folder, *settings), chosen.images)
    print(formatted(frame, "markdown", 2, label="atoms"))
