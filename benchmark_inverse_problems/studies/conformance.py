"""Do our metrics agree with those of other libraries?

Pictures with fixed noise, with a fixed blur and at a quarter of their size, and phantoms in
MRI are judged by our metrics and by those of deepinv, torchmetrics and scikit-image. Figures
that follow our conventions must agree with ours. The others show what a convention changes.
Each figure is a mean over the images; `apart` is the largest difference to ours of all of
them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import deepinv as dinv
import numpy as np
import pandas as pd
import torch
from skimage import metrics as skimage
from skimage.color import rgb2gray, rgb2ycbcr
from torchmetrics.functional import image as torchmetrics

from ..judge.case import SSIM_DEVIATION, SSIM_SIDE, Case
from ..judge.metrics import METRICS
from ..methods.baselines import bicubic
from ..physics.catalogue import GAUSSIAN_BLUR, MRI_CENTRE
from ..physics.facts import decimation
from ..problems.images import open_images
from ..problems.problem import Problem, Task
from ..report.tables import formatted
from . import study_parser

# Bundled weights behind the tables.
WEIGHTS = ()
LIBRARIES = ("deepinv", "torchmetrics", "scikit-image")
IMAGES = 6
GAUSSIAN = {
    "gaussian_weights": True,
    "sigma": SSIM_DEVIATION,
    "use_sample_covariance": False,
}


@dataclass(frozen=True)
class Figure:
    """A figure beside ours.

    Attributes
    ----------
    name : str
        The library and what it is called with, or how its convention differs.
    value : callable (case) -> float
    agrees : bool
        Whether it follows our conventions.
    """

    name: str
    value: Callable
    agrees: bool = False


def array(x):
    """An image (1, C, H, W) as an array (H, W, C) in float64."""
    return x[0].permute(1, 2, 0).double().numpy()


def clamped(case):
    return case.x_hat.clamp(0, 1), case.x


def in_8_bits(case):
    """As pictures that were saved as PNG files."""
    return tuple((255 * x.clamp(0, 1)).round() / 255 for x in (case.x_hat, case.x))


def magnitudes(case):
    """Magnitudes as tensors (1, 1, H, W), and the largest one of the truth."""
    estimate, truth = (case.magnitude(x) for x in (case.x_hat, case.x))
    return estimate, truth, float(truth.max())


def psnr(x_hat, x, peak=1.0):
    """scikit-image's."""
    return skimage.peak_signal_noise_ratio(array(x), array(x_hat), data_range=peak)


def ssim(x_hat, x, peak=1.0, **settings):
    """scikit-image's, the mean of that of the channels."""
    pairs = zip(array(x_hat).T, array(x).T, strict=True)
    found = [
        skimage.structural_similarity(*pair, data_range=peak, **settings)
        for pair in pairs
    ]
    return np.mean(found)


def inner_ssim(case):
    """torchmetrics', of the windows that lie inside of the picture."""
    _, local = torchmetrics.structural_similarity_index_measure(
        case.x_hat, case.x, data_range=1.0, return_full_image=True
    )
    edge = SSIM_SIDE // 2
    return local[..., edge:-edge, edge:-edge].mean()


def luma(x):
    """scikit-image's Y channel, (1, 1, H, W) in [16, 235] / 255."""
    return torch.tensor(rgb2ycbcr(array(x))[..., :1] / 255).permute(2, 0, 1)[None]


def border(case):
    """Pixels that are shaved at each side, as papers on super-resolution do."""
    factor = decimation(case.observation.physics)
    return factor if factor > 1 else 0


def of_channel(channel, change=clamped, width=border):
    """The PSNR of a channel of a picture whose border is shaved, a function of a case."""

    def value(case):
        sides = [slice(width(case), size - width(case)) for size in case.x.shape[-2:]]
        return psnr(*(channel(x)[(..., *sides)] for x in change(case)))

    return value


def full_range(x):
    """Luma from 0 to 1, as in JPEG files."""
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=x.dtype).view(1, 3, 1, 1)
    return (x * weights).sum(1, keepdim=True)


def gray(x):
    return torch.tensor(rgb2gray(array(x)))[None, None]


PICTURE_FIGURES = {
    "psnr": [
        Figure("deepinv `PSNR()`", lambda c: dinv.metric.PSNR()(c.x_hat, c.x), True),
        Figure(
            "torchmetrics, `data_range=1.0`",
            lambda c: torchmetrics.peak_signal_noise_ratio(c.x_hat, c.x, 1.0),
            True,
        ),
        Figure(
            "scikit-image, `data_range=1`", lambda c: psnr(c.x_hat, c.x), agrees=True
        ),
        Figure(
            "torchmetrics, `data_range=(0, 1)`: clamped",
            lambda c: torchmetrics.peak_signal_noise_ratio(c.x_hat, c.x, (0.0, 1.0)),
        ),
        Figure("clamped and rounded to 8 bits", lambda c: psnr(*in_8_bits(c))),
        Figure(
            "mean of the PSNR of the channels",
            lambda c: torchmetrics.peak_signal_noise_ratio(
                c.x_hat, c.x, 1.0, reduction="none", dim=(0, 2, 3)
            ).mean(),
        ),
        Figure(
            "deepinv `PSNR(max_pixel=None)`: peak of each picture",
            lambda c: dinv.metric.PSNR(max_pixel=None)(c.x_hat, c.x),
        ),
    ],
    "ssim": [
        Figure(
            "torchmetrics, `return_full_image=True`: mean of the inner part",
            inner_ssim,
            True,
        ),
        Figure(
            "scikit-image, `gaussian_weights=True, use_sample_covariance=False`",
            lambda c: ssim(c.x_hat, c.x, **GAUSSIAN),
            True,
        ),
        Figure(
            "scikit-image, defaults: uniform window of 7x7",
            lambda c: ssim(c.x_hat, c.x),
        ),
        Figure(
            "torchmetrics, `data_range=1.0`: mirrored border, which counts",
            lambda c: torchmetrics.structural_similarity_index_measure(
                c.x_hat, c.x, data_range=1.0
            ),
        ),
        Figure(
            "deepinv `SSIM()`, which calls torchmetrics",
            lambda c: dinv.metric.SSIM()(c.x_hat, c.x),
        ),
        Figure("clamped", lambda c: ssim(*clamped(c), **GAUSSIAN)),
        Figure(
            "of the luma channel",
            lambda c: ssim(luma(c.x_hat), luma(c.x), **GAUSSIAN),
        ),
    ],
    "psnr_luma": [
        Figure("scikit-image `rgb2ycbcr`, its PSNR", of_channel(luma), True),
        Figure(
            "scikit-image `rgb2ycbcr`, deepinv `PSNR(center_crop=-border)`",
            lambda c: dinv.metric.PSNR(center_crop=-border(c))(*map(luma, clamped(c))),
            True,
        ),
        Figure("not clamped", of_channel(luma, lambda c: (c.x_hat, c.x))),
        Figure("border not shaved", of_channel(luma, width=lambda c: 0)),
        Figure("luma from 0 to 255, as in JPEG files", of_channel(full_range)),
        Figure("scikit-image `rgb2gray`", of_channel(gray)),
    ],
}
MRI_FIGURES = {
    "psnr_mri": [
        Figure(
            "scikit-image, `data_range` the largest magnitude",
            lambda c: psnr(*magnitudes(c)),
            True,
        ),
        Figure(
            "torchmetrics, `data_range` the largest magnitude",
            lambda c: torchmetrics.peak_signal_noise_ratio(*magnitudes(c)),
            True,
        ),
        Figure(
            "deepinv `PSNR(max_pixel=None, complex_abs=True)`",
            lambda c: dinv.metric.PSNR(max_pixel=None, complex_abs=True)(c.x_hat, c.x),
            True,
        ),
        Figure("our PSNR: peak 1", lambda c: c.psnr()),
        Figure("our PSNR complex: peak 1", lambda c: c.psnr_complex()),
    ],
    "ssim_mri": [
        Figure(
            "scikit-image, `data_range` the largest magnitude",
            lambda c: ssim(*magnitudes(c)),
            True,
        ),
        Figure(
            "scikit-image, the same with `use_sample_covariance=False`",
            lambda c: ssim(*magnitudes(c), use_sample_covariance=False),
        ),
        Figure(
            "deepinv `SSIM(max_pixel=None, complex_abs=True)`: Gaussian window",
            lambda c: dinv.metric.SSIM(max_pixel=None, complex_abs=True)(c.x_hat, c.x),
        ),
        Figure("our SSIM: Gaussian window, range 1", lambda c: c.ssim()),
    ],
    "nrmse": [
        Figure(
            "deepinv `NRMSE(complex_abs=True)`",
            lambda c: dinv.metric.NRMSE(complex_abs=True)(c.x_hat, c.x),
            True,
        ),
        Figure(
            "scikit-image, defaults",
            lambda c: skimage.normalized_root_mse(
                *(array(x) for x in magnitudes(c)[1::-1])
            ),
            True,
        ),
        Figure(
            "deepinv `NRMSE()`: of the complex numbers",
            lambda c: dinv.metric.NRMSE()(c.x_hat, c.x),
        ),
        Figure(
            'scikit-image, `normalization="min-max"`',
            lambda c: skimage.normalized_root_mse(
                *(array(x) for x in magnitudes(c)[1::-1]), normalization="min-max"
            ),
        ),
    ],
}


@dataclass(frozen=True)
class Group:
    """Problems, and the figures that are compared on them.

    Attributes
    ----------
    images : str
        The set of images.
    tasks : dict
        {column: Task}
    crop : int or "none"
    figures : dict
        {key of `METRICS`: list of Figure}
    """

    images: str
    tasks: dict
    crop: int | str
    figures: dict


PICTURES = Group(
    "bundled",
    {
        "noise": Task("denoising", sigma=25 / 255),
        "blur": Task.of("gaussian_blur", GAUSSIAN_BLUR["medium"]),
        "SR x4": Task("downsampling", {"factor": 4}, sigma=0.01),
    },
    256,
    PICTURE_FIGURES,
)
PHANTOMS = Group(
    "ellipses_complex",
    {
        f"MRI x{acceleration}": Task(
            "mri", {"acceleration": acceleration, "centre": centre}, sigma=0.005
        )
        for acceleration, centre in MRI_CENTRE.items()
    },
    "none",
    MRI_FIGURES,
)


def estimate(observation):
    """What is judged: y, or for down-sampling its bicubic interpolation, or A^T y."""
    y, physics = observation.y, observation.physics
    if decimation(physics) > 1:
        return bicubic(y, physics)
    return physics.A_adjoint(y) if observation.complex else y


def cases(group, count=IMAGES):
    """The first images of a group with what is judged, {column: list of Case}."""
    found = {}
    for name, task in group.tasks.items():
        images = open_images(group.images).first(count)
        problem = Problem(images, task, crop=group.crop)
        judged = [problem.judged(index) for index in range(len(problem))]
        found[name] = [Case(estimate(seen), x, seen) for x, seen in judged]
    return found


def compared(metric, figures, found):
    """Our metric beside the figures of others.

    Parameters
    ----------
    metric : str
        A key of `METRICS`.
    figures : list of Figure
    found : dict
        As `cases` returns it.

    Returns
    -------
    DataFrame
        One row a figure, ours first. The means over the images, and in the column "apart"
        the largest difference to ours.
    """
    ours = Figure("ours", lambda case: case.score(METRICS[metric]), True)
    values = {
        figure.name: {
            column: np.array([float(figure.value(case)) for case in images])
            for column, images in found.items()
        }
        for figure in (ours, *figures)
    }
    table = pd.DataFrame(values).T
    apart = (table - table.loc["ours"]).map(lambda v: np.abs(v).max()).max(axis=1)
    return table.map(np.mean).assign(apart=apart)


def disagreements(metric, figures, table):
    """The figures that should agree with ours and differ in the last digit shown."""
    limit = 0.5 * 10.0 ** -METRICS[metric].digits
    return [f.name for f in figures if f.agrees and not table["apart"][f.name] < limit]


def main(arguments):
    """Print one table a metric, and what does not agree as it should."""
    study_parser("conformance", __doc__).parse_args(arguments)
    wrong, count = [], 0
    for group in (PICTURES, PHANTOMS):
        found = cases(group)
        for metric, figures in group.figures.items():
            table = compared(metric, figures, found)
            row = METRICS[metric]
            print("\n" + formatted(table, "markdown", row.digits, label=row.header))
            wrong += disagreements(metric, figures, table)
            count += sum(figure.agrees for figure in figures)
    print(f"\n{count - len(wrong)} of {count} figures that should agree do.")
    print(", ".join(f"{name} {version(name)}" for name in LIBRARIES))
    for name in wrong:
        print(f"DIFFERS: {name}")
