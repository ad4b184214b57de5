"""Measured microscopy: images with the noise of a microscope, and their averages."""

import numpy as np
import scipy  # it imports its parts at the first use
import torch
from deepinv.physics import Denoising

from ..physics.noise import noise_model
from .reading import Kind, central_crop, read_image
from .scans import Scan, Scans

# The field of view that the authors test on, and the file of the mean of its captures.
FIELD, TRUTH = "19", "avg50.png"
# Captures that the noise is calibrated by, and bins of brightness. Brighter pixels than
# this may be clipped.
CAPTURES, BINS, BRIGHT = 10, 50, 0.9


class Microscope(Scan):
    """A field of view of the Fluorescence Microscopy Denoising data set (FMD).

    Y. Zhang et al., "A Poisson-Gaussian Denoising Dataset with Real Fluorescence Microscopy
    Images", CVPR 2019. The measurement is the first capture, or the first mean of several
    captures. The truth is the mean of 50 captures, as the authors define it. The noise is
    calibrated by single captures: at each brightness their variance is
    `gain` * brightness + `sigma`^2.

    Parameters
    ----------
    path : path
        ``TYPE/gt/19/avg50.png``.
    side : int or "none"

    Raises
    ------
    ValueError
        If files are missing or damaged, or differ in size.
    """

    def __init__(self, path, side):
        self.path, self.side = path, side
        self.x = self.read(path)

    def read(self, path):
        """The central part of a picture, (1, 1, H, W)."""
        return central_crop(read_image(path)[:, :1], self.side)

    def measured(self, rng, averages):
        raw = [self.read(path) for path in captures(self.path, 1)]
        if len(raw) < 2:
            raise ValueError(
                f"The field {self.path.parent} has {len(raw)} single captures and two are "
                f"needed to find the noise: put them into {folder_of(self.path, 1)}."
            )
        found = captures(self.path, averages)
        if not found:
            raise ValueError(
                f"The field {self.path.parent} has no mean of {averages} captures: put "
                f"them into {folder_of(self.path, averages)}."
            )
        y = self.read(found[0])
        if any(part.shape != self.x.shape for part in (y, *raw)):
            raise ValueError(
                f"The captures of {self.path.parent} differ in size from their mean: "
                "download them again."
            )
        gain, sigma = calibrated(torch.cat(raw).double().numpy())
        physics = Denoising()
        physics.noise_model = noise_model(sigma / averages**0.5, gain / averages)
        return physics, y


def folder_of(path, averages):
    """The folder of the captures of a field, or of the means of several of them."""
    name = "raw" if averages == 1 else f"avg{averages}"
    return path.parents[2] / name / path.parent.name


def captures(path, averages):
    """The files of the first captures of a field, or of means of several of them."""
    return sorted(folder_of(path, averages).glob("*.png"))[:CAPTURES]


def calibrated(images):
    """The levels of Poisson-Gaussian noise, from captures (N, ...) of the same scene.

    Returns
    -------
    gain, sigma : float
        The variance at a brightness x is gain * x + sigma^2.
    """
    mean, variance = images.mean(0).ravel(), images.var(0, ddof=1).ravel()
    order = np.argsort(mean)
    order = order[: max(1, int((mean <= BRIGHT).sum()))]
    bins = np.array_split(order, min(BINS, len(order)))
    mean, variance = (np.array([v[b].mean() for b in bins]) for v in (mean, variance))
    # The error of a variance is a share of it.
    weight = 1 / np.maximum(variance, 1e-3 * variance.max() + 1e-12)
    design = np.stack((mean, np.ones_like(mean)), 1)
    (gain, square), _ = scipy.optimize.nnls(design * weight[:, None], variance * weight)
    return float(gain), float(square**0.5)


def fields(names, paths):
    """The fields of view of some files, each with the name of its type of image."""
    types = [path.parents[2].name for path in paths]
    return Scans(types, lambda i, side: Microscope(paths[i], side), "denoising")


def files_of(path):
    """The files of a field that the suite reads."""
    return [path, *(file for n in (1, 2, 4, 8, 16) for file in captures(path, n))]


FMD = Kind(
    "the folders of FMD, each with gt, raw and avg*",
    (f"gt/{FIELD}/{TRUTH}",),
    fields,
    generated="bundled",
    tuning="tuning",
    parts=files_of,
)
