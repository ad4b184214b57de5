"""A^T A on the coarse grids of a U-Net, computed on those grids where that is exact.

RAM evaluates A_s^T A_s with A_s = A U_s in every residual block, U_s being the
sinc interpolation by s = 1, 2, 4, 8. deepinv's `LinearPhysicsMultiScaler` goes to
the fine grid and back each time. Here U_s is a pair of small matrices, one a side,
and three families of operators never leave the coarse grid:

* separable ones (denoising, down-sampling): U^T A^T A U is again a pair of matrices;
* circular blurs: decimating a filter gives a filter, so U^T A^T A U multiplies
  the coarse spectrum by the sum over aliases of |A|^2 |U|^2;
* masks: a product on the fine grid between the two pairs of matrices.

All other operators are called on the fine grid. Images whose sides are not
multiples of 8 are seen as crops of larger ones: the matrices lose some rows. How much
larger, and on which side, is a setting (`margins`).
"""

from copy import copy
from functools import lru_cache, singledispatch

import deepinv as dinv
import torch
from torch.nn.functional import pad

FACTORS = (1, 2, 4, 8)


def decimation_matrix(taps, size, factor):
    """Circular convolution with `taps` then one sample in `factor`, (size/factor, size).

    The taps' centre is that of deepinv's convolutions.
    """
    rows = torch.arange(size // factor)[:, None]
    first = (len(taps) - 1) // 2
    columns = (rows * factor + torch.arange(len(taps)) - first) % size
    matrix = torch.zeros(size // factor, size, dtype=taps.dtype)
    return matrix.scatter_add_(1, columns, taps.flip(0).expand(columns.shape))


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # a cached inference tensor could not be trained through
def interpolation_matrix(size, factor, margin):
    """One side of U_s as deepinv's `Upsampling(filter="sinc")` has it, (size, padded/s).

    Rows in the margin, the pixels before and after the `size` of the image, are left
    out.
    """
    before, after = margin
    padded, inside = before + size + after, slice(before, before + size)
    if factor == 1:
        return torch.eye(padded)[inside]
    taps = dinv.physics.functional.sinc_filter(factor, length=4 * factor)[0, 0].sum(0)
    return decimation_matrix(taps, padded, factor).T.contiguous()[inside]


def margin_after(n):
    """The margin of a side of n pixels that ends at the next multiple of 8."""
    return 0, -n % FACTORS[-1]


@singledispatch
def multiscale(physics, shape):
    """The coarse operators of a linear physics on images of shape (C, H, W)."""
    return FineScales(physics, shape)


class FineScales:
    """U_s^T A^T A U_s of any linear physics, with A called on the fine grid.

    Parameters
    ----------
    physics : deepinv.physics.LinearPhysics
    shape : tuple of 3 int
        The image's (C, H, W).

    Attributes
    ----------
    weight : float
        Factor of `normal`, 1 unless set: A^T A times it should be of unit norm.
    iterations : int or None
        Of conjugate gradients in `prox`, where it has no closed form; None: the
        physics' own.
    margins : list of (int, int)
        Rows above and below the image, and columns left and right of it, that complete
        it to multiples of 8. They are at the bottom and the right unless set, which is
        done before the first call.
    """

    def __init__(self, physics, shape):
        self.physics = physics
        self.shape = tuple(shape)
        self.weight = 1
        self.iterations = None
        self.margins = [margin_after(n) for n in shape[1:]]

    @property
    def aligned(self):
        """Whether the image has no margins."""
        return not any(map(any, self.margins))

    def sides(self, scale, like):
        """U_s' two matrices, on the device of `like`."""
        return (
            interpolation_matrix(n, FACTORS[scale], margin).to(like)
            for n, margin in zip(self.shape[1:], self.margins, strict=True)
        )

    def framed(self, x, mode="constant"):
        """An image (..., H, W) with its margins; `mode` is that of torch's `pad`."""
        return pad(x, [n for margin in self.margins[::-1] for n in margin], mode=mode)

    def unframed(self, x):
        """An image without its margins."""
        inside = (
            slice(before, before + n)
            for n, (before, _) in zip(self.shape[1:], self.margins, strict=True)
        )
        return x[(..., *inside)]

    def forward(self, x):
        return self.physics.A(x)

    def adjoint(self, y):
        return self.physics.A_adjoint(y)

    def prox(self, z, y, gamma):
        """argmin over u of gamma |A u - y|^2 + |u - z|^2, gamma of shape (B, 1, 1, 1)."""
        physics = self.physics
        if self.iterations is not None:
            # A copy, as deepinv's physics keeps what it is told for other solvers too.
            physics = copy(physics)
            physics.max_iter = self.iterations
        return physics.prox_l2(z, y, gamma)

    def down(self, x, scale):
        """U_s^T x for an image x (B, C, H, W), on the padded grid."""
        if scale == 0:
            return self.framed(x)
        rows, columns = self.sides(scale, x)
        return rows.T @ (x @ columns)

    def up(self, z, scale):
        """U_s z for z of shape (B, C, H/s, W/s), without the padding."""
        if scale == 0:
            return self.unframed(z)
        rows, columns = self.sides(scale, z)
        return rows @ (z @ columns.T)

    def fine(self, x):
        """A^T A of k images side by side, (B, k C, H, W)."""
        images = x.split(self.shape[0], 1)
        return torch.cat([self.physics.A_adjoint_A(image) for image in images], 1)

    def gram(self, x):
        """A^T A at unit norm of images (B, C, H, W)."""
        return self.unframed(self.normal(self.down(x, 0), 0))

    def normal(self, z, scale):
        """s^2 U_s^T A^T A U_s of k images side by side, (B, k C, H/s, W/s), in float32."""
        with torch.autocast(z.device.type, enabled=False):
            out = self._normal(z.float(), scale)
            return out if self.weight == 1 else self.weight * out

    def _normal(self, z, scale):
        return FACTORS[scale] ** 2 * self.down(self.fine(self.up(z, scale)), scale)


class IdentityScales(FineScales):
    """Denoising: on each grid a matrix a side."""

    def __init__(self, physics, shape):
        super().__init__(physics, shape)
        self.grams = {}

    def on_sides(self, matrices):
        """A U_s, one matrix a side."""
        return matrices

    def coarse_gram(self, scale, like):
        """s U^T A^T A U, one matrix a side."""
        if scale not in self.grams:
            sides = self.on_sides(tuple(self.sides(scale, like)))
            self.grams[scale] = [FACTORS[scale] * m.T @ m for m in sides]
        return self.grams[scale]

    def _normal(self, z, scale):
        rows, columns = self.coarse_gram(scale, z)
        return rows @ (z @ columns)


class StackedScales:
    """Several operators, each on its share of the batch.

    One pass through a network then serves measurements of several problems.
    """

    def __init__(self, parts, sizes):
        self.parts = parts
        self.sizes = sizes

    def normal(self, z, scale):
        shares = zip(self.parts, z.split(self.sizes), strict=True)
        return torch.cat([part.normal(share, scale) for part, share in shares])
