"""Measured sinograms: fans of rays through slices, and reconstructions from all of them."""

from functools import cached_property, lru_cache

import numpy as np
import skimage  # it imports its parts at the first use
import torch
from deepinv.datasets import DeteCTDataset
from deepinv.utils.io import load_tiff
from torch.nn.functional import avg_pool2d, pad

from ..physics.noise import noise_model
from ..physics.operators.fan_beam import (
    PIXELS,
    WHOLE,
    axis_of,
    fan_beam_of,
    obliqueness,
)
from .reading import Kind
from .scans import Scan, Scans
from .volumes import BRIGHTEST

# Views of a scan, and the axis of rotation in pixels of the reference: its grid lies a
# pixel beside the middle.
VIEWS, AXIS = 3600, WHOLE / 2 + 0.5
# A reference must explain its measurements up to this relative error.
MISFIT = 0.2
# The test slices of the authors' benchmark.
TEST = range(4531, 5001)
# What the measurements are called, by the dose of the problem.
MODES = {"full": "full", "low": "low_dose"}


class Sinogram(Scan):
    """A slice of the 2DeteCT data set: fruits and stones in a laboratory's fan of X-rays.

    M. Kiss et al., "2DeteCT - A Large 2D Expandable, Trainable, Experimental Computed
    Tomography Dataset for Machine Learning", Scientific Data 2023. deepinv reads and
    corrects the measurements. `views` of the 3600 views are taken, and pixels of the
    detector are averaged until one sees about a pixel of the image. The truth is the
    authors' iterative reconstruction from all views at full dose, averaged over blocks of
    pixels. Its unit is found by these measurements.

    Parameters
    ----------
    path : path
        ``2DeteCT_slices*_RecSeg/slice*/mode2/reconstruction.tif``.
    side : int

    Raises
    ------
    ValueError
        If files are missing or damaged, or do not belong together.
    """

    def __init__(self, path, side):
        if WHOLE % side:
            raise ValueError(
                f"size={side} does not fit the {WHOLE} pixels of {path}: use size=128 or "
                "size=256."
            )
        self.path, self.side, self.block = path, side, WHOLE // side
        self.sinogram = lru_cache(self.read_sinogram)
        x = reference(path)
        # The axis comes to where deepinv's operator has it.
        shift = round((axis_of(side) + 0.5) * self.block - 0.5 - AXIS)
        x = avg_pool2d(pad(x, (shift, -shift) * 2), self.block)
        self.peak = float(np.quantile(x.numpy(), BRIGHTEST))
        self.x = (x / self.peak).clamp(min=0)

    def read_sinogram(self, dose):
        """All measurements as deepinv's operator orders them, (1, 1, detectors, views)."""
        slices = DeteCTDataset(self.path.parents[3], problem=MODES[dose])
        number = int(self.path.parents[1].name[len("slice") :])
        y = read(self.path.parents[1], lambda _: slices[slices.slices.index(number)][1])
        if y.shape != (1, VIEWS, PIXELS):
            raise ValueError(
                f"The slice {number} of {self.path.parents[3]} has measurements "
                f"{tuple(y.shape[1:])} and {(VIEWS, PIXELS)} are needed: download it again."
            )
        return y.flip(-1).transpose(1, 2)[None]

    def binned(self, y):
        """Averages over pixels of the detector, about its middle, and along the fan."""
        rest = y.shape[2] % self.block
        y = y.narrow(2, rest // 2, y.shape[2] - rest)
        return avg_pool2d(y, (self.block, 1)) * obliqueness(self.side)

    @cached_property
    def unit(self):
        """What line integrals of the truth, in pixels, are multiplied by."""
        y = self.binned(self.sinogram("full")[..., :: VIEWS // 60])
        physics = fan_beam_of(self.side, torch.arange(60) * 6.0)
        found = physics.A(self.x) * physics.operator_norm
        unit = float((found * y).sum() / found.square().sum().clamp(min=1e-12))
        misfit = float((unit * found - y).norm() / y.norm())
        if not misfit < MISFIT:
            raise ValueError(
                f"The reconstruction {self.path} explains its measurements up to "
                f"{misfit:.0%} only: check that the files belong together."
            )
        return unit

    def measured(self, rng, views, arc, dose):
        step = arc / 360 * VIEWS / views
        chosen = (torch.arange(views) * step).round().long()
        physics = fan_beam_of(self.side, chosen * (360 / VIEWS))
        y = self.sinogram(dose)
        # Neighbouring views differ by little: what changes from pixel to pixel is noise.
        sigma = (
            float(skimage.restoration.estimate_sigma(y[0, 0].numpy())) / self.block**0.5
        )
        scale = self.unit * float(physics.operator_norm)
        physics.noise_model = noise_model(sigma / scale)
        return physics, self.binned(y[..., chosen]) / scale


def reference(path):
    """The reconstruction of a file, (1, 1, H, W)."""
    x = read(path, load_tiff).float().squeeze()
    if x.shape != (WHOLE, WHOLE):
        raise ValueError(
            f"The reconstruction {path} has {'x'.join(map(str, x.shape))} pixels and "
            f"{WHOLE}x{WHOLE} are needed: download it again."
        )
    return x[None, None]


def read(path, reader):
    """Read a file or a folder.

    Raises
    ------
    ValueError
        If it is missing or damaged.
    """
    try:
        return reader(path)
    except (OSError, ValueError, IndexError, RuntimeError) as error:
        raise ValueError(
            f"The slice {path} cannot be read ({str(error).splitlines()[0]}): download it "
            "again, with its measurements."
        ) from error


def sinograms(names, paths):
    """The measured slices of some files, each with the name of its folder."""
    stems = [path.parents[1].name for path in paths]
    return Scans(stems, lambda i, side: Sinogram(paths[i], side), "fan_beam")


def of_the_test(paths):
    """Those that the authors test on."""
    return [p for p in paths if int(p.parents[1].name[len("slice") :]) in TEST]


def files_of(path):
    """The files of a slice that the suite reads."""
    place = path.parents[2].name.removesuffix("_RecSeg")
    folder = path.parents[3] / place / path.parents[1].name
    return [path, *folder.glob("mode[12]/*.tif")]


DETECT_CT = Kind(
    "the folders 2DeteCT_slices4001-5000 and 2DeteCT_slices4001-5000_RecSeg, whose slices "
    "4531 to 5000 are taken,",
    ("mode2/reconstruction.tif",),
    sinograms,
    generated="ellipses",
    tuning="ellipses_tuning",
    parts=files_of,
    select=of_the_test,
)
