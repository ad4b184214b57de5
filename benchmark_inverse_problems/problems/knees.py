"""Measured knees: k-space of fastMRI, and the reconstruction from all of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from deepinv.datasets import FastMRISliceDataset
from deepinv.physics import MRI
from deepinv.utils.mixins import MRIMixin

from ..physics.noise import noise_model
from ..physics.operators.mri import random_columns
from ..physics.operators.multicoil_mri import multi_coil
from ..support.progress import libraries_quiet
from .reading import Kind
from .scans import Scan, Scans, check_sampled, noise_of, sensitivities
from .volumes import BRIGHTEST


class Knee(Scan):
    """The middle slice of a knee, measured at all frequencies by one coil or by several.

    J. Zbontar et al., "fastMRI: An Open Dataset and Benchmarks for Accelerated MRI", 2018.
    deepinv reads the file. The readout, along the columns, is cut in the image to as many
    rows as the reference of the file has: the scanner measures twice as many. Of `side`
    the centre of k-space is taken, which lowers the resolution. Sensitivities of several
    coils are estimated by ESPIRiT, as deepinv calls it. The truth is the reconstruction
    from all frequencies, which a mask leaves some of.

    Parameters
    ----------
    path : path
        A HDF5 file of the training or the validation set.
    side : int or "none"
    multicoil : bool

    Raises
    ------
    ValueError
        If the file is damaged, is of the other kind, or is not fully sampled.
    """

    def __init__(self, path, side, multicoil):
        coils, self.sigma = read_kspace(path, side, multicoil)
        check_sampled(coils, path)
        self.maps = sensitivities(coils) if multicoil else None
        y = MRIMixin.from_torch_complex(coils if multicoil else coils[:, 0])
        x = self.operator(torch.ones(y.shape[-2:])).A_adjoint(y)
        peak = float(np.quantile(x.square().sum(1).sqrt().numpy(), BRIGHTEST))
        self.x, self.y, self.sigma = x / peak, y / peak, self.sigma / peak

    def operator(self, mask):
        """The operator with a mask (H, W)."""
        if self.maps is not None:
            return multi_coil(self.maps, mask)
        return MRI(mask=mask, img_size=(2, *mask.shape))

    def measured(self, rng, acceleration, centre, **_):
        mask = random_columns(self.y.shape[-2:], rng, acceleration, centre)
        physics = self.operator(mask)
        physics.noise_model = noise_model(self.sigma)
        return physics, self.y * mask


def read_kspace(path, side, multicoil):
    """K-space of the middle slice of a file, and the level of its noise.

    Returns
    -------
    tensor (1, coils, H, W)
        Complex.
    float
        Standard deviation of each part of a number.
    """
    try:
        with libraries_quiet():
            slices = FastMRISliceDataset(
                path.parent,
                slice_index="middle",
                filter_id=lambda sample: sample.fname == path,
                use_dict_output=True,
            )
        sample = slices[0]
        y = MRIMixin.to_torch_complex(sample["y"][None])[0]
        rows = sample["x"].shape[-2]
    except (
        OSError,
        KeyError,
        IndexError,
        ValueError,
        RuntimeError,
        TypeError,
    ) as error:
        raise ValueError(
            f"The file {path} cannot be read ({str(error).splitlines()[0]}): it must hold "
            "`kspace` and the `reconstruction` of fastMRI's training or validation set."
        ) from error
    if multicoil != (y.ndim == 3):
        found, needed = ("several", "one") if y.ndim == 3 else ("one", "several")
        raise ValueError(
            f"The file {path} has k-space of {found} coils and of {needed} is needed: "
            f"{'add' if multicoil else 'drop'} `_multicoil` in the name of the set."
        )
    y = y if multicoil else y[None]
    noise = noise_of(y)
    y = MRIMixin.fft(centre(MRIMixin.ifft(y, dim=-2), -2, rows), dim=-2)
    if side != "none":
        y = centre(centre(y, -2, side), -1, side)
    return y[None].contiguous(), noise


def centre(y, axis, count):
    """At most `count` entries about the middle one, which is n // 2, along an axis."""
    n = y.shape[axis]
    count = min(n, count)
    return y.narrow(axis, n // 2 - count // 2, count)


def knees(operator, multicoil):
    """What makes the knees of some files, each with the stem of its file as its name."""

    def scans(names, paths):
        stems = [Path(name).stem for name in names]
        return Scans(
            stems,
            lambda i, side: Knee(paths[i], side, multicoil),
            operator,
            complex=True,
        )

    return scans


FASTMRI_KNEE = Kind(
    "HDF5 files of fastMRI's knee_singlecoil_val or _train (fastmri.med.nyu.edu, once its "
    "agreement is signed)",
    (".h5",),
    knees("mri", multicoil=False),
    generated="ellipses_complex",
    tuning="ellipses_complex_tuning",
    parts=lambda path: [path],
)
FASTMRI_KNEE_MULTICOIL = replace(
    FASTMRI_KNEE,
    description=FASTMRI_KNEE.description.replace("singlecoil", "multicoil"),
    sequence=knees("parallel_mri", multicoil=True),
)
