"""Measured tanks: voltages of an impedance tomograph, of which no truth is known."""

import zlib
from functools import partial
from pathlib import Path

import numpy as np
import scipy  # it imports its parts at the first use
import torch
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from ..physics.noise import noise_model
from ..physics.operators.impedance import Impedance, inverse_norm
from .reading import Kind
from .scans import Scan, Scans

# Of the tank: share of its edge under electrodes, sixteen of 2.5 cm on a diameter of 28 cm.
COVER = 16 * 2.5 / (np.pi * 28)
# Of the mesh of the model, and the decimal logarithms of contact impedances that are tried.
RINGS, CONTACTS = 16, (-4, 1)
# The model must explain the empty tank up to this relative error.
MISFIT = 0.3
# What reading a damaged file may raise.
DAMAGED = (OSError, ValueError, TypeError, KeyError, NotImplementedError)
DAMAGED += (MatReadError, zlib.error)
# The measurement without an object, and what a file holds.
EMPTY = "datamat_1_0.mat"
FIELDS = ("CurrentPattern", "MeasPattern", "Uel")


class Tank(Scan):
    """A tank of the KIT4 archive, with sixteen electrodes and 79 currents.

    A. Hauptmann et al., "Open 2D Electrical Impedance Tomography Data Archive", 2017
    (arXiv:1704.01178). What is in the tank is known from photographs only: the truth is NaN.
    The empty tank, ``datamat_1_0.mat``, gives the conductivity of the water and the contact
    impedance. Its voltages are subtracted. The noise is what no model can explain: voltages
    must be linear in the currents.

    Parameters
    ----------
    path : path
        ``datamat_*_*.mat``, in one folder with that of the empty tank.
    side : int

    Raises
    ------
    ValueError
        If files are missing or damaged, or the model does not explain the empty tank.
    """

    def __init__(self, path, side):
        self.path, self.side = path, side
        self.x = torch.full((1, 1, side, side), float("nan"))

    def measured(self, rng, electrodes, contrast, **_):
        currents, voltages, full = read(self.path)
        others = read(self.path.with_name(EMPTY))
        if not all(map(np.array_equal, others[:2], (currents, voltages))):
            raise ValueError(
                f"The file {self.path} has other currents or measurements than {EMPTY}: "
                "download both again."
            )
        if len(currents) != electrodes:
            raise ValueError(
                f"The tank {self.path} has {len(currents)} electrodes and not "
                f"{electrodes}: use electrodes={len(currents)}."
            )
        empty = others[2]
        model = partial(
            Impedance, self.side, currents, voltages, contrast, RINGS, cover=COVER
        )
        contact, factor = fitted(model, empty, self.path)
        physics = model(contact=contact)
        physics.scale = inverse_norm(physics)
        gain = physics.scale / factor
        y = torch.from_numpy(gain * (full - empty)).float()[None, None]
        sigma = gain * np.hypot(*(unexplained(u, currents) for u in (full, empty)))
        physics.noise_model = noise_model(float(sigma))
        return physics, y


def read(path):
    """The currents (electrodes, P), measurements (electrodes, M) and voltages (P, M).

    Raises
    ------
    ValueError
        If the file is missing or damaged.
    """
    try:
        found = loadmat(path, variable_names=FIELDS)
        currents, voltages, u = (np.asarray(found[key], float) for key in FIELDS)
    except DAMAGED as error:
        raise ValueError(
            f"The file {path} cannot be read ({str(error).splitlines()[0]}): it must hold "
            f"{', '.join(FIELDS)}; download it again."
        ) from error
    sizes = voltages.shape[-1], currents.shape[-1]
    if len(currents) != len(voltages) or u.shape != sizes or not np.isfinite(u).all():
        raise ValueError(
            f"The file {path} has voltages {u.shape} and finite ones {sizes} are needed: "
            "download it again."
        )
    return currents, voltages, u.T


def fitted(model, empty, path):
    """The contact impedance of an empty tank, and volts for one of the model's voltages."""

    def compared(exponent):
        found = model(contact=10**exponent).empty[0].numpy()
        factor = (found * empty).sum() / (found**2).sum()
        misfit = np.linalg.norm(factor * found - empty) / np.linalg.norm(empty)
        return misfit, factor

    best = scipy.optimize.minimize_scalar(
        lambda exponent: compared(exponent)[0],
        bounds=CONTACTS,
        method="bounded",
        options={"xatol": 0.05},
    ).x
    misfit, factor = compared(best)
    if not misfit < MISFIT:
        raise ValueError(
            f"The model explains the empty tank of {path.parent} up to {misfit:.0%} only: "
            "check that the files belong together."
        )
    return 10**best, factor


def unexplained(u, currents):
    """Standard deviation of the part of voltages (P, M) that is not linear in the currents.

    It is 0 for currents that are linearly independent.
    """
    basis, values, _ = np.linalg.svd(currents.T, full_matrices=False)
    basis = basis[:, values > 1e-6 * values.max()]
    free = (len(u) - basis.shape[1]) * u.shape[1]
    rest = u - basis @ (basis.T @ u)
    return np.sqrt((rest**2).sum() / free) if free else 0.0


def tanks(names, paths):
    """The measured tanks of some files, each with the stem of its file as its name."""
    stems = [Path(name).stem for name in names]
    return Scans(stems, lambda i, side: Tank(paths[i], side), "impedance")


KIT4 = Kind(
    "the files datamat_*.mat of the KIT4 archive",
    tuple(f"_{k}.mat" for k in range(1, 10)),  # not the empty tank's
    tanks,
    generated="inclusions",
    tuning="inclusions_tuning",
    parts=lambda path: [path, path.with_name(EMPTY)],
)
