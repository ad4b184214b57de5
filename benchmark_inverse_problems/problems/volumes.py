"""Volumes: generated phantoms, files of scanners, and how both come to one size."""

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import avg_pool3d, interpolate

from .reading import Images, Kind

# Of the phantoms: the radius of the ball that holds them, in half sides, and the side of
# the grid of their texture, as a share of the volume's.
BALL, TEXTURE = 0.92, 0.25
# Least and largest radius of the leaves, in half sides.
LEAVES = 0.05, 1.2
# Files are scaled so that their least value is 0 and this quantile is 1.
BRIGHTEST = 0.999


class Volumes(Images):
    """A lazy sequence of volumes (1, C, n, n, n) of a side that is chosen later.

    `make(index, side)` makes a volume with one channel.

    Attributes
    ----------
    operator : str
        The operator that measured the volumes, or "" where problems simulate it.
    """

    operator = ""

    def sized(self, side, complex=False):
        """The volumes with a side; complex ones have a smooth random phase."""

        def make(index):
            x = self.make(index, side)
            return with_phase(x, index) if complex else x

        return Images(self.names, make, complex)


def with_phase(x, seed):
    """A complex volume (1, 2, ...) with the magnitude x and a smooth random phase."""
    rng = np.random.RandomState([7, seed])
    axes = [torch.linspace(-1, 1, n) for n in x.shape[2:]]
    u, v, w = torch.meshgrid(*axes, indexing="ij")
    c = rng.uniform(-1, 1, size=6)
    phase = c[0] * u + c[1] * v + c[2] * w + c[3] * u * v + c[4] * v * w + c[5] * w**2
    return torch.cat((x * phase.cos(), x * phase.sin()), 1)


def ellipsoids(seed, side):
    """A phantom of rotated ellipsoids, some of them shells, with texture.

    An outer shell holds 8 to 20 parts. Edges are smooth over a voxel, so that a phantom
    looks the same at any side.

    Returns
    -------
    tensor (1, 1, side, side, side)
        In [0, 1].
    """
    rng = np.random.RandomState(seed)
    axis = ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"))
    outer = rng.uniform(0.7, 0.9, 3) * BALL
    turn, middle = rotation(rng), np.zeros(3)
    inside = ellipsoid(grid, middle, outer, turn, side)
    thickness = rng.uniform(0.04, 0.12)
    core = ellipsoid(grid, middle, outer * (1 - thickness), turn, side)
    volume = rng.uniform(0.4, 0.9) * (inside - core) + rng.uniform(0.1, 0.3) * core
    for _ in range(rng.randint(8, 21)):
        direction = rng.standard_normal(3)
        place = direction / np.linalg.norm(direction) * 0.6 * rng.uniform() ** (1 / 3)
        radii, value = rng.uniform(0.05, 0.35, 3), rng.uniform(-0.25, 0.5)
        turn, hollow = rotation(rng), rng.uniform() < 0.3
        part = ellipsoid(grid, place, radii, turn, side)
        if hollow:
            part = part - ellipsoid(grid, place, 0.7 * radii, turn, side)
        volume = volume + value * part * core
    cells = max(2, round(TEXTURE * side))
    noise = torch.from_numpy(rng.standard_normal((1, 1, cells, cells, cells)))
    texture = interpolate(noise, size=(side,) * 3, mode="trilinear")[0, 0].numpy()
    volume = volume + rng.uniform(0, 0.06) * texture * inside
    volume = np.clip(volume, 0, 1).astype(np.float32)
    return torch.from_numpy(volume)[None, None]


def leaves(seed, side):
    """A volume of ellipsoids that hide each other, at all scales, with texture.

    The model is that of dead leaves: A. Lee, D. Mumford, J. Huang, "Occlusion Models for
    Natural Images", IJCV 2001. They fill the cube, as tissue does in a part of a scan.

    Returns
    -------
    tensor (1, 1, side, side, side)
        In [0, 1].
    """
    rng = np.random.RandomState([3, seed])
    axis = ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32)
    volume = np.full((side,) * 3, rng.uniform(0, 1), np.float32)
    sizes = np.exp(rng.uniform(*np.log(LEAVES), size=rng.randint(60, 240)))
    for radius in sorted(sizes, reverse=True):  # small ones would be hidden
        radii = radius * rng.uniform(0.4, 1.6, 3)
        place, turn, value = rng.uniform(-1.2, 1.2, 3), rotation(rng), rng.uniform()
        reach = radii.max() + 2 / side
        box = tuple(
            slice(*np.searchsorted(axis, (middle - reach, middle + reach)))
            for middle in place
        )
        if volume[box].size:
            grid = np.stack(np.meshgrid(*(axis[part] for part in box), indexing="ij"))
            cover = ellipsoid(grid, place, radii, turn, side)
            if rng.uniform() < 0.3:  # a shell
                cover = cover - ellipsoid(grid, place, 0.75 * radii, turn, side)
            volume[box] += cover * (value - volume[box])
    for octave in (4, 2, 1):
        cells = max(2, round(TEXTURE * side * octave))
        noise = torch.from_numpy(rng.standard_normal((1, 1, cells, cells, cells)))
        texture = interpolate(noise, size=(side,) * 3, mode="trilinear")[0, 0].numpy()
        volume = volume + rng.uniform(0, 0.04) * texture
    volume = np.clip(volume, 0, 1).astype(np.float32)
    return torch.from_numpy(volume)[None, None]


def rotation(rng):
    """A random rotation, 3x3."""
    matrix, triangle = np.linalg.qr(rng.standard_normal((3, 3)))
    return matrix * np.sign(np.diag(triangle))


def ellipsoid(grid, place, radii, turn, side):
    """1 in an ellipsoid, 0 outside of it, and linear over the voxel between.

    Parameters
    ----------
    grid : array (3, n, n, n)
        Coordinates in [-1, 1].
    place, radii : array (3,)
    turn : array (3, 3)
    side : int
    """
    scale = (turn / radii[:, None]).astype(np.float32)
    local = np.tensordot(scale, grid - place.reshape(3, 1, 1, 1).astype(np.float32), 1)
    rho = np.sqrt((local**2).sum(0)) + 1e-6
    slope = np.sqrt((np.tensordot(scale.T, local, 1) ** 2).sum(0)) / rho
    return np.clip((1 - rho) / (slope * 2 / side + 1e-6) + 0.5, 0, 1)


def phantoms(count, first_seed):
    """`count` phantoms with consecutive seeds."""
    names = [f"ellipsoids_{i}" for i in range(count)]
    return Volumes(names, lambda i, side: ellipsoids(first_seed + i, side))


def simple_itk(path):
    """The library that reads scans, which only those who have some need.

    Raises
    ------
    ValueError
        If it is not installed.
    """
    try:
        import SimpleITK
    except ImportError as error:
        raise ValueError(
            f"The file {path} needs SimpleITK, which is not installed: run `pip install "
            "SimpleITK`."
        ) from error
    return SimpleITK


def read_volume(path):
    """Read a volume as an array (D, H, W), its axes from foot to head, back and right.

    NIfTI, MHA, NRRD and TIFF stacks are read by SimpleITK, which knows their voxel order
    and turns flipped axes; a NPY file is taken as it is.

    Raises
    ------
    ValueError
        If the file is damaged, has not three axes, or holds values that are not finite or
        all the same.
    """
    SimpleITK, path = simple_itk(path), Path(path)
    try:
        if path.suffix == ".npy":
            values = np.load(path, allow_pickle=False)
        else:
            image = SimpleITK.ReadImage(str(path))
            if image.GetDimension() == 3 and image.GetNumberOfComponentsPerPixel() == 1:
                image = SimpleITK.DICOMOrient(image, "LPS")
            values = SimpleITK.GetArrayFromImage(image)
    except (RuntimeError, OSError, ValueError, EOFError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(
            f"The volume {path} cannot be read ({reason}): replace or remove it."
        ) from error
    if values.ndim != 3 or min(values.shape) < 2:
        shape = "x".join(map(str, values.shape))
        raise ValueError(
            f"The volume {path} has the shape {shape} and three axes are needed: save one "
            "volume a file."
        )
    if not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise ValueError(
            f"The volume {path} holds {values.dtype} and real numbers are needed: save its "
            "magnitude."
        )
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(
            f"The volume {path} holds values that are not finite: replace them by numbers."
        )
    if values.min() == values.max():
        raise ValueError(
            f"The volume {path} holds {values.min():g} everywhere, which no scale makes an "
            "image: replace or remove it."
        )
    return values


def scaled(values):
    """An array in [0, 1]: its least value becomes 0, its `BRIGHTEST` quantile 1."""
    low, high = values.min(), np.quantile(values, BRIGHTEST)
    return ((values - low) / max(high - low, 1e-12)).clip(0, 1)


def fitted(values, side, path):
    """The central cube of an array, as a tensor (1, 1, side, side, side).

    The array is reduced first, by averages over whole blocks of voxels, as far as its
    shortest axis still has `side` voxels.

    Raises
    ------
    ValueError
        If an axis has fewer voxels.
    """
    if min(values.shape) < side:
        shape = "x".join(map(str, values.shape))
        raise ValueError(
            f"The volume {path} has {shape} voxels, fewer than size={side}: use a smaller "
            "size."
        )
    x = torch.from_numpy(values)[None, None]
    x = avg_pool3d(x, min(values.shape) // side)
    for axis in (2, 3, 4):
        x = x.narrow(axis, (x.shape[axis] - side) // 2, side)
    return x.contiguous()


def from_files(names, paths):
    """The volumes of some files."""

    def make(index, side):
        path = paths[index]
        return fitted(scaled(read_volume(path)), side, path)

    return Volumes(names, make)


SUFFIXES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".npy", ".tif", ".tiff")
VOLUMES = Kind(
    "NIfTI, MHA, NRRD, NPY or TIFF volumes",
    SUFFIXES,
    from_files,
    generated="ellipsoids",
    tuning="ellipsoids_tuning",
)
