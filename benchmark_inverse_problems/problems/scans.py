"""Measured images: what an instrument recorded, and the truth that belongs to it."""

from functools import lru_cache, partial

import numpy as np
import skimage  # it imports its parts at the first use
import torch
from deepinv.datasets import CalgarySliceDataset
from deepinv.physics import MultiCoilMRI
from deepinv.utils.mixins import MRIMixin
from torch.nn.functional import avg_pool2d, avg_pool3d, pad

from ..physics.noise import noise_model
from ..physics.operators.cone_beam import ConeBeam
from ..physics.operators.multicoil_mri import multi_coil, variable_density
from .reading import Images, Kind
from .volumes import BRIGHTEST, Volumes

# Of the walnuts: the orbit of the source, its views, and the side of a voxel in mm.
ORBIT, VIEWS, VOXEL = "tubeV2", 1200, 0.1
# A reference must explain its projections up to this relative error.
MISFIT = 0.5
# Side of the centre of k-space that sensitivities are estimated from.
CALIBRATION = 24
# Share of the frequencies that a file must have. Some are never measured by the scanner.
SAMPLED = 0.75
# The corners of k-space that the noise is estimated from, as a share of the sides.
CORNER = 0.1
# Standard deviation of Gaussian noise, for a median absolute value of one.
GAUSSIAN = 1 / 0.6745


class Scans(Volumes):
    """A lazy sequence of measured images or volumes.

    Parameters
    ----------
    names : list of str
    load : callable (index, side) -> Scan
    operator : str
        The operator that measured, a key of `OPERATORS`.
    hidden, complex : bool
        See `Images`.
    """

    def __init__(self, names, load, operator, hidden=False, complex=False):
        super().__init__(names, None)
        self.load, self.operator = lru_cache(1)(load), operator
        self.hidden, self.complex = hidden, complex

    def sized(self, side, complex=False, **more):
        """The measured images with a side, which is a number of pixels or "none".

        `more` are settings of the measurement that are not the operator's.
        """

        def make(index):
            return self.load(index, side).x

        def scan(index, rng, settings):
            return self.load(index, side).measured(rng, **settings, **more)

        complex = complex or self.complex
        return Images(self.names, make, complex, scan, self.hidden)


class Scan:
    """One measured image or volume.

    Attributes
    ----------
    x : tensor (1, C, *spatial)
        The truth: mostly the reconstruction from all measurements.
    """

    def measured(self, rng, **settings):
        """Some of the measurements.

        Parameters
        ----------
        rng : numpy.random.RandomState
        settings : dict
            Those of the problem's operator.

        Returns
        -------
        physics : deepinv.physics.Physics
            With its noise model, whose levels are estimated.
        y : tensor
        """
        raise NotImplementedError


def rounded_up(side, whole):
    """The sides of blocks of voxels with which `side` blocks hold a whole volume."""
    return -(-whole // side)


class Walnut(Scan):
    """A walnut in a laboratory's cone beam, measured along a circle of 1200 views.

    H. Der Sarkissian et al., "A Cone-Beam X-Ray Computed Tomography Data Collection
    Designed for Machine Learning", Scientific Data 2019. The middle one of three orbits is
    taken. The truth is the authors' reconstruction from all three orbits, averaged over
    blocks of voxels. Detector pixels are averaged until one sees about a voxel.

    Parameters
    ----------
    geometry : path
        ``Walnut*/Projections/tubeV2/scan_geom_corrected.geom``.
    side : int

    Raises
    ------
    ValueError
        If files are missing or damaged, or do not belong together.
    """

    def __init__(self, geometry, side):
        self.folder, self.side = geometry.parent, side
        walnut = self.folder.parent.parent
        self.vectors = self.read(geometry, np.loadtxt)
        if self.vectors.shape[0] < VIEWS or self.vectors.shape[1:] != (12,):
            raise ValueError(
                f"The geometry {geometry} has the shape {self.vectors.shape} and "
                f"{VIEWS} rows of 12 numbers are needed: download it again."
            )
        slices = sorted((walnut / "Reconstructions").glob("full_AGD_50_*.tif*"))
        if not slices:
            raise ValueError(
                f"The walnut {walnut} has no reconstruction: put its files "
                "full_AGD_50_*.tiff into the folder Reconstructions."
            )
        volume = np.stack([self.read(path, skimage.io.imread) for path in slices])
        if len(set(volume.shape)) > 1:
            raise ValueError(
                f"The reconstruction of {walnut} has {sides_of(volume)} voxels and a "
                "cube is needed: download the missing slices."
            )
        whole = len(volume)
        self.block = rounded_up(side, whole)
        before = (side * self.block - whole) // 2
        after = side * self.block - whole - before
        x = torch.from_numpy(volume.astype(np.float32))[None, None]
        x = avg_pool3d(pad(x, (before, after) * 3), self.block)
        self.peak = float(np.quantile(x.numpy(), BRIGHTEST))
        # The middle of the cube, from that of the reconstruction.
        self.shift = (after - before) / 2 * VOXEL
        self.x = (x / self.peak).clamp(min=0)

    def read(self, path, reader):
        """Read a file.

        Raises
        ------
        ValueError
            If it is missing or damaged.
        """
        try:
            return reader(path)
        except (OSError, ValueError, SyntaxError) as error:
            raise ValueError(
                f"The file {path} cannot be read ({str(error).splitlines()[0]}): download "
                "it again."
            ) from error

    def picture(self, name):
        """A picture of the detector, as the geometry describes it: (rows, columns).

        The scanner stores its columns as rows, from the last to the first.
        """
        return np.flipud(self.read(self.folder / name, skimage.io.imread)).T.astype(
            np.float32
        )

    def measured(self, rng, views):
        chosen = np.linspace(0, VIEWS, views, endpoint=False).round().astype(int)
        half = self.side * self.block * VOXEL / 2
        vectors = torch.from_numpy(self.vectors[chosen]) / half
        vectors[:, :6] -= self.shift / half
        source, centre, u, v = vectors.view(-1, 4, 3).unbind(1)
        magnification = float(
            (centre - source).norm(dim=1).mean() / source.norm(dim=1).mean()
        )
        pixel = float(u.norm(dim=1).mean()) / magnification
        count = max(1, round(2 / self.side / pixel))
        dark = self.picture("di000000.tif")
        flat = np.mean([self.picture(f"io00000{k}.tif") for k in (0, 1)], 0) - dark
        pictures = []
        for view in chosen:  # pictures are stored against the order of the geometry
            light = self.picture(f"scan_{VIEWS - view:06d}.tif") - dark
            share = torch.from_numpy(light / np.maximum(flat, 1))[None, None]
            pictures.append(-averaged(share, count).clamp(min=1e-6).log())
        y = torch.stack(pictures, 2)
        moves = [offset(n, count) for n in dark.shape]
        centre = centre + moves[0] * v + moves[1] * u
        vectors = torch.cat((source, centre, count * u, count * v), 1)
        physics = ConeBeam(vectors, y.shape[-2:], self.side)
        y = y * (physics.scale / (self.block * VOXEL * self.peak))
        misfit = float((physics.A(self.x) - y).norm() / y.norm())
        if not misfit < MISFIT:
            raise ValueError(
                f"The reconstruction of {self.folder.parent.parent} explains its "
                f"projections up to {misfit:.0%} only: check that the files belong "
                "together."
            )
        sigma = float(
            np.mean([skimage.restoration.estimate_sigma(p.numpy()) for p in y[0, 0]])
        )
        physics.noise_model = noise_model(sigma)
        return physics, y


def sides_of(volume):
    """The sides of an array as a text."""
    return "x".join(map(str, volume.shape))


def averaged(picture, count):
    """Averages of a picture (1, 1, H, W) over blocks of pixels, about its middle."""
    for axis in (2, 3):
        rest = picture.shape[axis] % count
        picture = picture.narrow(axis, rest // 2, picture.shape[axis] - rest)
    return avg_pool2d(picture, count)


def offset(pixels, count):
    """How far `averaged` moves the middle of a side, in pixels."""
    rest = pixels % count
    return rest // 2 - rest / 2


class Brain(Scan):
    """A head in a 12-channel coil, measured at all frequencies.

    R. Souza et al., "An Open, Multi-Vendor, Multi-Field-Strength Brain MR Dataset and
    Analysis of Publicly Available Skull Stripping Methods Agreement", NeuroImage 2018
    (Calgary-Campinas). deepinv reads the file. The centre of k-space is taken, `side`
    frequencies along each axis. Sensitivities are estimated from its calibration region by
    ESPIRiT, as deepinv calls it. The truth is the combination of all coils.

    Parameters
    ----------
    path : path
        A HDF5 file of the training or the validation set.
    side : int

    Raises
    ------
    ValueError
        If the file is damaged, is smaller, or is not fully sampled.
    """

    def __init__(self, path, side):
        coils, noise = read_kspace(path, side)
        check_sampled(coils, path)
        self.maps = sensitivities(coils)
        self.side = side
        everything = multi_coil(self.maps, torch.ones(side, side))
        y = MRIMixin.from_torch_complex(coils)
        x = everything.A_adjoint(y)
        peak = float(np.quantile(x.square().sum(1).sqrt().numpy(), BRIGHTEST))
        self.x, self.y, self.sigma = x / peak, y / peak, noise / peak

    def measured(self, rng, acceleration, coils):
        mask = variable_density((self.side,) * 2, acceleration, rng)
        physics = multi_coil(self.maps, mask)
        physics.noise_model = noise_model(self.sigma)
        return physics, self.y * physics.mask[:, :, None]


def read_kspace(path, side):
    """The centre of k-space of a file, and the level of its noise.

    Returns
    -------
    tensor (1, coils, side, side, side)
        Complex.
    float
        Standard deviation of each part of a number.
    """
    try:
        slices = CalgarySliceDataset(
            path.parent,
            transform=None,
            filter_id=lambda sample: str(sample.fname) == str(path),
            use_dict_output=True,
        )
        y = torch.stack([slices[index]["y"] for index in range(len(slices))], 2)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"The file {path} cannot be read ({str(error).splitlines()[0]}): it must hold "
            "`kspace`, (slices, rows, columns, twice the coils)."
        ) from error
    y = torch.complex(y[0], y[1])  # coils, slices, rows, columns
    if min(y.shape[1:]) < side:
        raise ValueError(
            f"The file {path} has {'x'.join(map(str, y.shape[1:]))} voxels, fewer than "
            f"size={side}: use a smaller size."
        )
    noise = noise_of(y)
    y = torch.fft.fftshift(
        torch.fft.fft(torch.fft.ifftshift(y, dim=1), dim=1, norm="ortho"), dim=1
    )
    for axis in (1, 2, 3):
        y = y.narrow(axis, y.shape[axis] // 2 - side // 2, side)
    return y[None].clone(), noise


def noise_of(y):
    """Standard deviation of each part of complex k-space (..., H, W), by a corner of it."""
    high, wide = (max(1, int(CORNER * n)) for n in y.shape[-2:])
    corner = torch.view_as_real(y[..., :high, :wide]).abs()
    return float(corner[corner > 0].median()) * GAUSSIAN if corner.any() else 0.0


def check_sampled(coils, path):
    """Raise a ValueError if k-space (1, coils, *spatial) lacks frequencies."""
    if float((coils.abs().sum(1) > 0).float().mean()) < SAMPLED:
        raise ValueError(
            f"The file {path} lacks frequencies: use a file of the training or the "
            "validation set, which have all of them."
        )


def sensitivities(coils):
    """Maps of the coils (1, coils, *spatial) by ESPIRiT, from all their frequencies."""
    y = MRIMixin.from_torch_complex(coils)
    size = min(CALIBRATION, min(coils.shape[2:]))
    try:
        return MultiCoilMRI.estimate_coil_maps(y, calib_size=size)
    except ImportError as error:
        raise ValueError(
            "Sensitivities of measured coils need sigpy, which is not installed: run "
            "`pip install sigpy`."
        ) from error


def sequence(scan, operator, depth):
    """What makes the scans of some files, each with the name of a folder or a file.

    `depth` is how many folders above the file have the scan's name.
    """

    def scans(names, paths):
        named = [name.split("/") for name in names]
        stems = ["/".join(parts[: len(parts) - depth]) for parts in named]
        return Scans(stems, lambda i, side: scan(paths[i], side), operator)

    return scans


def of_walnut(path):
    """The files of a walnut that the suite reads."""
    reference = path.parents[2] / "Reconstructions"
    return [*path.parent.iterdir(), *reference.glob("full_AGD_50_*")]


generated = partial(Kind, generated="ellipsoids", tuning="ellipsoids_tuning")
# {name of the set: what its files are}.
SCANS = {
    "walnut": generated(
        "folders Walnut* of the collection, each with Projections and Reconstructions",
        (f"projections/{ORBIT}/scan_geom_corrected.geom".lower(),),
        sequence(Walnut, "cone_beam", depth=3),
        parts=of_walnut,
    ),
    "calgary": generated(
        "HDF5 files of the Calgary-Campinas multi-coil set",
        (".h5",),
        sequence(Brain, "multicoil_mri", depth=0),
    ),
}
