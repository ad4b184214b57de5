"""Parallel-beam tomography, deepinv's, computed by a sparse matrix."""

import warnings
from functools import lru_cache

import torch
from deepinv.physics import Tomography
from scipy.sparse import coo_array

from ..catalogue import operator
from ..facts import family, in_image_space, sums_pixels
from ..initial_estimate import direct_inverse

# Entries of the largest matrix that is made, about 0.5 GB with its transpose.
MOST = 3e7

# Networks learned parallel beams.
family.register(
    Tomography, lambda physics: "fan_beam" if physics.fan_beam else "tomography"
)
in_image_space.register(Tomography, lambda physics: False)
sums_pixels.register(Tomography, lambda physics: True)


@operator((1, 24, 24), angles=12)
def tomography(shape, rng, angles):
    """Parallel-beam Radon transform over 180 degrees, divided by sqrt(angles * width).

    Its norm is then 0.98. The constant replaces deepinv's own normalisation, a power
    method that ends in other digits at each run.

    Raises
    ------
    ValueError
        If the image is not square and gray.
    """
    if shape[0] != 1 or shape[1] != shape[2]:
        raise ValueError(
            f"Tomography needs square gray images and got one of shape {shape}: use "
            "images=ellipses or images=shepp_logan."
        )
    return ParallelBeam(shape[-1], angles)


@direct_inverse.register(Tomography)
def _(physics, y):
    return physics.fbp(y)


class ParallelBeam(Tomography):
    """deepinv's parallel-beam tomography, several times faster by a sparse matrix.

    Images for which the matrix would be too large take deepinv's way.

    Parameters
    ----------
    width : int
        Side of the square gray images.
    angles : int
        Number of views over 180 degrees.
    """

    def __init__(self, width, angles):
        super().__init__(
            angles=angles, img_width=width, adjoint_via_backprop=True, normalize=False
        )
        self.register_buffer("operator_norm", torch.tensor((angles * width) ** 0.5))
        self.normalize = True
        self.detectors = self.radon.all_grids.shape[1]
        self.sparse = 4 * angles * self.detectors**2 <= MOST

    def A(self, x, **kwargs):
        if not self.sparse or x.shape[-2:] != (self.img_width, self.img_width):
            return super().A(x, **kwargs)
        y = project(x.flatten(1).T, self.img_width, len(self.angles), False)
        return y.T.reshape(len(x), 1, self.detectors, -1) / self.operator_norm

    def A_adjoint(self, y, **kwargs):
        if not self.sparse:
            return super().A_adjoint(y, **kwargs)
        x = project(y.flatten(1).T, self.img_width, len(self.angles), True)
        side = self.img_width
        return x.T.reshape(len(y), 1, side, side) / self.operator_norm


@torch.library.custom_op("inverse_problems::project", mutates_args=())
def project(x: torch.Tensor, width: int, angles: int, back: bool) -> torch.Tensor:
    """The Radon transform of flat images (width^2, B), or its adjoint.

    It is an operation of its own because sparse products are not counted like dense ones.
    """
    return matrices(width, angles, x.device)[back] @ x


def _setup(ctx, inputs, output):
    _, ctx.width, ctx.angles, ctx.back = inputs


def _backward(ctx, gradient):
    return project(gradient, ctx.width, ctx.angles, not ctx.back), None, None, None


project.register_autograd(_backward, setup_context=_setup)


@lru_cache(maxsize=4)
@torch.inference_mode(False)
@torch.no_grad()
def matrices(width, angles, device):
    """The Radon transform of deepinv and its transpose, sparse, on a device.

    It rotates the image by bilinear interpolation and sums its columns: each sample of a
    rotated image is four entries of a row.
    """
    radon = Tomography(angles=angles, img_width=width, normalize=False).radon
    grids = radon.all_grids
    grids = grids.view(grids.shape[1], angles, -1, 2).transpose(0, 1)
    detectors = grids.shape[2]
    before = (detectors - width + 1) // 2  # of the padding to the diagonal
    place = (grids + 1) / 2 * (detectors - 1) - before
    corner = place.floor()
    angle = torch.arange(angles).view(-1, 1, 1)
    row = (torch.arange(detectors) * angles + angle).expand(corner.shape[:3])
    indices, values = [], []
    for dy in (0, 1):
        for dx in (0, 1):
            tap = corner + torch.tensor((dx, dy))
            weight = (1 - (place - tap).abs()).prod(-1)
            inside = ((tap >= 0) & (tap < width)).all(-1)
            column = (tap[..., 1] * width + tap[..., 0]).long()
            indices.append(torch.stack((row[inside], column[inside])))
            values.append(weight[inside])
    rows, columns = torch.cat(indices, 1).int().numpy()
    size = (detectors * angles, width**2)
    matrix = coo_array((torch.cat(values).numpy(), (rows, columns)), size)
    return [as_torch(m.tocsr()).to(device) for m in (matrix, matrix.T)]


def as_torch(matrix):
    parts = map(torch.from_numpy, (matrix.indptr, matrix.indices, matrix.data))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(*parts, matrix.shape, check_invariants=True)
