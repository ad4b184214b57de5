"""Reconstruction of an image patch by patch, each with all other patches as its context."""

from itertools import product

import deepinv as dinv
import torch

from ..physics.local_normal import Exact, window


class PatchPhysics(dinv.physics.LinearPhysics):
    """The operator of a patch, A S^T, where S cuts the patch out of the image.

    R. Vo and J. Tachella, "Efficient Unrolled Networks for Large-Scale 3D Inverse
    Problems", CVPR 2026.

    Parameters
    ----------
    physics : deepinv.physics.LinearPhysics
        A.
    shape : tuple of int
        (1, C, *spatial) of the image.
    offset, size : tuple of int
        Place of the patch, and its sides.
    normal : callable, optional
        S A^T A S^T; None: by A and A^T.
    """

    def __init__(self, physics, shape, offset, size, normal=None):
        super().__init__(noise_model=physics.noise_model)
        self.whole, self.shape = physics, tuple(shape)
        self.place = window(offset, size)
        self.normal = normal

    def A(self, patch, **_):
        x = patch.new_zeros(len(patch), *self.shape[1:])
        x[self.place] = patch
        return self.whole.A(x)

    def A_adjoint(self, y, **_):
        return self.whole.A_adjoint(y)[self.place]

    def A_adjoint_A(self, patch, **_):
        if self.normal is not None:
            return self.normal(patch)
        return self.A_adjoint(self.A(patch))


def offsets(side, patch, stride):
    """Where patches start along an axis: every `stride`, and the last one at the end.

    Raises
    ------
    ValueError
        If patches do not fit or leave gaps.
    """
    if patch > side:
        raise ValueError(
            f"A patch of {patch} voxels does not fit into a side of {side}: use a smaller "
            "patch."
        )
    if not 1 <= stride <= patch:
        raise ValueError(
            f"A stride of {stride} leaves gaps between patches of {patch} voxels: use one "
            f"from 1 to {patch}."
        )
    return [*range(0, side - patch, stride), side - patch]


def blend(size):
    """Weights of a patch (*size) that fall towards its sides, all positive."""
    weights = torch.ones(())
    for n in size:
        weights = weights[..., None] * torch.hann_window(n + 2, periodic=False)[1:-1]
    return weights


class PartitionedReconstructor(dinv.models.Reconstructor):
    """A reconstructor of images of any size, from one of patches.

    For each patch, the rest of the current estimate is taken as known. The patch then is
    the image of a small problem, y~ = A S^T x_patch with y~ = y - A (x - S^T S x), whose
    operator is `PatchPhysics`. Where the estimate is the truth, this is the problem of the
    patch itself. Patches overlap, and their estimates are blended. A sweep solves all
    patches from the same estimate.

    A reconstructor with a method ``solve(back, normal, sigma)``, as `Unrolled3D` has, gets A~^T y~ and A~^T A~ instead of y~ and A~. A sweep then applies A and A^T once,
    and not once a patch.

    Parameters
    ----------
    base : deepinv.models.Reconstructor, or a module with `solve`
        Of patches.
    patch_size, stride : int
        Sides of the patches, and the step from one to the next. Default: half a patch.
    sweeps : int
    normal : callable (physics, shape) -> normal operator
        One of `local_normal.NORMALS`.

    Raises
    ------
    ValueError
        If a patch is larger than the image or the stride leaves gaps.
    """

    def __init__(self, base, patch_size, stride=None, sweeps=3, normal=Exact):
        super().__init__()
        self.base, self.patch_size = base, patch_size
        self.stride = max(1, patch_size // 2) if stride is None else stride
        self.sweeps, self.normal = sweeps, normal

    def forward(self, y, physics, start=None, sigma=None):
        """The image.

        Parameters
        ----------
        y : tensor
            Measurements of one image.
        physics : deepinv.physics.LinearPhysics
        start : tensor
            The first estimate. None: A^T y.
        sigma : float
            Level of the noise, for a base with `solve`.
        """
        x = physics.A_adjoint(y) if start is None else start
        normal = self.normal(physics, x.shape)
        for _ in range(self.sweeps):
            x = self.sweep(x, y, physics, normal, sigma)
        return x

    def patches(self, shape):
        """The offsets of all patches of an image (1, C, *spatial)."""
        axes = [offsets(n, self.patch_size, self.stride) for n in shape[2:]]
        return list(product(*axes))

    def sweep(self, x, y, physics, normal, sigma):
        """The next estimate: all patches are solved from the present one."""
        misfit = y - physics.A(x)
        by_normal = hasattr(self.base, "solve")
        residual = physics.A_adjoint(misfit) if by_normal else None
        size = (self.patch_size,) * (x.ndim - 2)
        weights = blend(size).to(x)
        total, cover = torch.zeros_like(x), torch.zeros_like(x[:, :1])
        for offset in self.patches(x.shape):
            place = window(offset, size)
            patch = x[place]
            local = normal.restrict(offset, size)
            if by_normal:
                back = residual[place] + local(patch)
                found = self.base.solve(back, local, sigma)
            else:
                part = PatchPhysics(physics, x.shape, offset, size, local)
                found = self.base(misfit + part.A(patch), part)
            total[place] += weights * found
            cover[place] += weights
        return total / cover
