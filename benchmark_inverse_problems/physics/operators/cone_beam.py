"""Cone-beam tomography of volumes, with a matched adjoint on any device.

Geometry
--------
A volume (D, H, W) of n^3 voxels fills the cube [-1, 1]^3. Its axes are (z, y, x), and z is
the axis of rotation. Each view has twelve numbers, in the order of ASTRA's ``cone_vec``:
the source, the centre of the detector, and the steps from one pixel to the next along the
detector's columns (u) and rows (v), each as (x, y, z). `circular` makes those of a circle:
view k of K has the angle 2 pi k / K, and the source stands at (cos, sin, 0) times the
distance.
"""

import math

import deepinv as dinv
import torch
from torch.nn.functional import grid_sample

from ..catalogue import operator
from ..facts import family, in_image_space, sums_pixels
from ..initial_estimate import direct_inverse
from ..parts import parts, shares

# Distance of the source from the axis, in half sides of the volume, as at table-top
# scanners. Side of the detector, which stands on the axis: it sees the ball in the cube.
DISTANCE, DETECTOR = 4.0, 2.1
# Samples along a ray, in voxels of the volume's side.
DENSITY = 1.25
# Samples that are computed together: views of small detectors go together.
CHUNK = 2**20


def circular(views, pixels):
    """The geometry of a source on a circle, with a flat detector on the axis.

    Parameters
    ----------
    views : int
    pixels : int
        Side of the square detector.

    Returns
    -------
    tensor (views, 12)
    """
    angle = torch.arange(views, dtype=torch.float64) * (2 * math.pi / views)
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    step = DETECTOR / pixels
    source = DISTANCE * torch.stack((angle.cos(), angle.sin(), zero), 1)
    columns = step * torch.stack((-angle.sin(), angle.cos(), zero), 1)
    rows = step * torch.stack((zero, zero, one), 1)
    return torch.cat((source, torch.zeros_like(source), columns, rows), 1)


class Both(torch.autograd.Function):
    """A or A^T, with the other one as its derivative: nothing is kept in between."""

    @staticmethod
    def forward(ctx, x, physics, transposed):
        ctx.physics, ctx.transposed = physics, transposed
        return (physics.back_project if transposed else physics.project)(x)

    @staticmethod
    def backward(ctx, gradient):
        return Both.apply(gradient, ctx.physics, not ctx.transposed), None, None


class ConeBeam(dinv.physics.LinearPhysics):
    """Integrals of a volume along the rays of each view, divided by a constant.

    A ray's integral is the sum of trilinear samples between the planes of the cube. The
    adjoint is torch's own derivative of that sampling.

    Parameters
    ----------
    vectors : tensor (views, 12)
        The geometry, see above.
    detector : (int, int)
        Rows and columns.
    side : int
        Voxels along a side of the volume.
    """

    def __init__(self, vectors, detector, side):
        super().__init__(noise_model=dinv.physics.ZeroNoise())
        self.register_buffer("vectors", vectors.float())
        self.detector, self.side = tuple(detector), side
        # Its norm is then about one: a voxel is seen by each view, about once.
        self.scale = 1 / (math.sqrt(len(vectors) * side) * 0.97)

    @property
    def samples(self):
        """Samples along a ray."""
        return math.ceil(DENSITY * self.side)

    def chunks(self):
        """The views that are computed together, as slices."""
        rows, columns = self.detector
        count = max(1, CHUNK // (rows * columns * self.samples))
        views = len(self.vectors)
        return [slice(k, min(k + count, views)) for k in range(0, views, count)]

    def rays(self, views):
        """The points along the rays of some views, and the steps between them in voxels.

        Returns
        -------
        points : tensor (1, views * rows, columns, samples, 3)
            In the coordinates of `grid_sample`.
        steps : tensor (views, rows, columns)
        """
        vectors = self.vectors[views].view(-1, 4, 1, 1, 3)
        source, centre, u, v = vectors.unbind(1)
        rows, columns = self.detector
        i = torch.arange(rows).to(source) - (rows - 1) / 2
        j = torch.arange(columns).to(source) - (columns - 1) / 2
        pixel = centre + i[:, None, None] * v + j[None, :, None] * u
        direction = pixel - source
        direction = direction / direction.norm(dim=-1, keepdim=True)
        # A ray that is parallel to a plane meets it nowhere.
        safe = torch.where(direction.abs() < 1e-9, 1e-9, direction)
        ends = torch.stack(((-1 - source) / safe, (1 - source) / safe))
        near = ends.amin(0).amax(-1)
        far = torch.maximum(ends.amax(0).amin(-1), near)  # no length outside the cube
        place = (torch.arange(self.samples).to(source) + 0.5) / self.samples
        along = near[..., None] + (far - near)[..., None] * place
        points = source[..., None, :] + along[..., None] * direction[..., None, :]
        steps = (far - near) / self.samples * (self.side / 2)
        return points.flatten(0, 1)[None], steps

    def project(self, x):
        """A x (B, 1, views, rows, columns) of volumes (B, 1, n, n, n)."""
        parts = []
        for views in self.chunks():
            points, steps = self.rays(views)
            points = points.expand(len(x), *points.shape[1:])
            samples = grid_sample(x, points, align_corners=False)
            sums = samples.sum(-1).unflatten(2, steps.shape[:2])
            parts.append(sums * (steps * self.scale))
        return torch.cat(parts, 2)

    def back_project(self, y):
        """A^T y."""
        side = self.side
        volume = y.new_zeros(len(y), 1, side, side, side)
        total = torch.zeros_like(volume)
        for views in self.chunks():
            points, steps = self.rays(views)
            points = points.expand(len(y), *points.shape[1:])
            weights = (y[:, :, views] * (steps * self.scale)).flatten(2, 3)[..., None]
            total += torch.ops.aten.grid_sampler_3d_backward(
                weights.expand(*points.shape[:1], 1, *points.shape[1:4]).contiguous(),
                volume,
                points,
                0,  # bilinear
                0,  # zeros outside
                False,
                (True, False),
            )[0]
        return total

    def A(self, x, **_):
        return Both.apply(x, self, False)

    def A_adjoint(self, y, **_):
        return Both.apply(y, self, True)


family.register(ConeBeam, lambda physics: "cone_beam")
in_image_space.register(ConeBeam, lambda physics: False)
sums_pixels.register(ConeBeam, lambda physics: True)


@direct_inverse.register(ConeBeam)
def _(physics, y):
    """The filtered back-projection.

    Raises
    ------
    ValueError
        If diffct is not installed.
    """
    try:
        from ..fdk import fdk  # only those who have volumes need its library
    except ImportError as error:
        raise ValueError(
            "The filtered back-projection of cone beams needs diffct, which is not "
            "installed: run `pip install diffct`."
        ) from error
    return torch.cat([fdk(part[None], physics) for part in y])


@parts.register(ConeBeam)
def _(physics, count):
    """Each part has some of the views."""
    found = []
    for views in shares(len(physics.vectors), count):
        part = ConeBeam(physics.vectors[views], physics.detector, physics.side)
        part.scale = physics.scale
        found.append(part)
    return found


@operator((1, 12, 12, 12), views=10)
def cone_beam(shape, rng, views):
    """Circular cone-beam tomography of a cube, one detector pixel a voxel.

    Raises
    ------
    ValueError
        If the image is not a cube with one channel.
    """
    if len(shape) != 4 or shape[0] != 1 or len(set(shape[1:])) > 1:
        raise ValueError(
            f"Cone-beam tomography needs cubes with one channel and got {shape}: use "
            "images=ellipsoids, or crop the volume."
        )
    side = shape[-1]
    return ConeBeam(circular(views, side), (side, side), side)
