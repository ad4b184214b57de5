"""Slices through chests, as files of DICOM."""

from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from .reading import Images, Kind
from .volumes import simple_itk

# Hounsfield units that become 0 and 1: air, and dense bone.
AIR, BONE = -1000, 1000
# Pixels that are averaged along each side. Folders with fewer slices are radiographs.
BLOCK, SLICES = 2, 20


def read_slice(path):
    """Read a slice of CT as an image (1, 1, H, W) in [0, 1], half as many pixels a side.

    0 is air, 0.5 is water and 1 is dense bone.

    Raises
    ------
    ValueError
        If the file is damaged or has several slices.
    """
    library = simple_itk(path)
    try:
        values = library.GetArrayFromImage(library.ReadImage(str(path)))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(
            f"The slice {path} cannot be read ({reason}): replace or remove it."
        ) from error
    values = np.squeeze(values)
    if values.ndim != 2 or min(values.shape) < BLOCK:
        shape = "x".join(map(str, values.shape))
        raise ValueError(
            f"The slice {path} has the shape {shape} and two axes are needed: save one "
            "slice a file."
        )
    x = (torch.from_numpy(values.astype(np.float32)) - AIR) / (BONE - AIR)
    return avg_pool2d(x.clamp(0, 1)[None, None], BLOCK)


def middle_slices(paths):
    """The middle one of the slices of each scan, a folder."""
    scans = [list(files) for _, files in groupby(paths, key=lambda path: path.parent)]
    return [files[len(files) // 2] for files in scans if len(files) >= SLICES]


def slices(names, paths):
    """The slices of some files, each with the path of its scan as its name."""
    scans = [Path(name).parent.as_posix() for name in names]
    return Images(scans, lambda i: read_slice(paths[i]))


LIDC = Kind(
    "the folders LIDC-IDRI-* with DICOM files (cancerimagingarchive.net)",
    (".dcm",),
    slices,
    generated="ellipses",
    tuning="ellipses_tuning",
    parts=lambda path: [path],
    select=middle_slices,
)
