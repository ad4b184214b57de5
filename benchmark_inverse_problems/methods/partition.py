"""Reconstruction of an image patch by patch, each with all other patches as its context."""

from itertools import product

import deepinv as dinv
import torch

from ..physics.initial_estimate import initial_estimate
from ..physics.local_normal import Exact, window
from ..physics.noise import noise_level


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


def sums(x, places, size, estimate):
    """Weighted sums of patches' estimates, and of their weights.

    Parameters
    ----------
    x : tensor (B, C, *spatial)
        An image of the shape and type of the sums.
    places : iterable of tuple of int
        Offsets of the patches.
    size : tuple of int
    estimate : callable (offset, index) -> tensor (B, C, *size)
    """
    weights = blend(size).to(x)
    total, cover = torch.zeros_like(x), torch.zeros_like(x[:, :1])
    for offset in places:
        place = window(offset, size)
        total[place] += weights * estimate(offset, place)
        cover[place] += weights
    return total, cover


class PartitionedReconstructor(dinv.models.Reconstructor):
    """A reconstructor of images of any size, from one of patches.

    For each patch, the rest of the current estimate is taken as known. The patch then is
    the image of a small problem, y~ = A S^T x_patch with y~ = y - A (x - S^T S x), whose
    operator is `PatchPhysics`. Where the estimate is the truth, this is the problem of the
    patch itself. Patches overlap, and their estimates are blended. A sweep solves all
    patches from the same estimate.

    Parameters
    ----------
    base : callable
        The reconstructor of patches. It gets (y~, A~), or (A~^T y~, A~^T A~, sigma) with
        `by_normal`.
    patch_size : int, tuple of int, or None
        Sides of the patches. None: the whole image.
    stride : int, tuple of int, or None
        The steps from one patch to the next. None: half a patch.
    sweeps : int
    normal : callable (physics, shape) -> normal operator
        One of `local_normal.NORMALS`.
    by_normal : bool
        Whether the base takes normal equations, as `Unrolled3D` does. A sweep then
        applies A and A^T once, and not once a patch.
    relaxation : float
        Share of the new estimate in that of a sweep. Less than one keeps sweeps from
        drifting away where the base is outside of its training.
    context : deepinv.distributed.DistributedContext, optional
        Processes that share the patches.

    Raises
    ------
    ValueError
        If a patch is larger than the image or the stride leaves gaps.
    """

    def __init__(
        self,
        base,
        patch_size,
        stride=None,
        sweeps=3,
        normal=Exact,
        by_normal=False,
        relaxation=1.0,
        context=None,
    ):
        super().__init__()
        self.base, self.patch_size, self.stride = base, patch_size, stride
        self.sweeps, self.normal, self.by_normal = sweeps, normal, by_normal
        self.relaxation, self.context = relaxation, context

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
            Level of the noise, for a base with normal equations.
        """
        x = physics.A_adjoint(y) if start is None else start
        normal = self.normal(physics, x.shape)
        for _ in range(self.sweeps):
            found = self.sweep(x, y, physics, normal, sigma)
            x = torch.lerp(x, found, self.relaxation)
        return x

    def patches(self, shape):
        """Where patches of an image (1, C, *spatial) lie.

        Returns
        -------
        offsets : list of tuple of int
        size : tuple of int
            Their sides.
        """
        sides = shape[2:]
        size = sides if self.patch_size is None else each(self.patch_size, sides)
        halves = tuple(max(1, n // 2) for n in size)
        strides = halves if self.stride is None else each(self.stride, sides)
        axes = map(offsets, sides, size, strides)
        return list(product(*axes)), tuple(size)

    def sweep(self, x, y, physics, normal, sigma):
        """The next estimate: all patches are solved from the present one."""
        misfit = y - physics.A(x)
        residual = physics.A_adjoint(misfit) if self.by_normal else None
        places, size = self.patches(x.shape)

        def solved(offset, place):
            patch, local = x[place], normal.restrict(offset, size)
            if self.by_normal:
                return self.base(residual[place] + local(patch), local, sigma)
            part = PatchPhysics(physics, x.shape, offset, size, local)
            return self.base(misfit + part.A(patch), part)

        total, cover = sums(x, self.mine(places), size, solved)
        if self.context is not None:
            for part in (total, cover):
                self.context.all_reduce(part)
        return total / cover

    def mine(self, places):
        """The patches of this process."""
        if self.context is None:
            return places
        return [places[k] for k in self.context.local_indices(len(places))]


def each(value, sides):
    """A number for each side, from one number or from several."""
    return (value,) * len(sides) if isinstance(value, int) else tuple(value)


class Tiled(torch.nn.Module):
    """A denoiser of images of any size, which sees patches of them only.

    Patches overlap by half, and their estimates are blended. Memory then depends on the
    patch. Images that are no larger go through as they are.

    Parameters
    ----------
    denoiser : nn.Module (x, sigma) -> x
    patch_size : int
        Side of the patches.
    """

    def __init__(self, denoiser, patch_size):
        super().__init__()
        self.denoiser, self.patch_size = denoiser, patch_size

    def forward(self, x, sigma):
        sides = x.shape[2:]
        size = tuple(min(self.patch_size, n) for n in sides)
        if size == tuple(sides):
            return self.denoiser(x, sigma)
        strides = [max(1, n // 2) for n in size]
        places = product(*map(offsets, sides, size, strides))
        total, cover = sums(
            x, places, size, lambda _, place: self.denoiser(x[place], sigma)
        )
        return total / cover


def from_normal_equations(
    y, physics, network, patch, sweeps, normal, relaxation=1.0, context=None
):
    """A volume by a network of normal equations, with sweeps over its patches.

    The first estimate has data steps of the whole volume.

    Parameters
    ----------
    y, physics
        Measurements of one volume.
    network : callable (back, normal, sigma) -> tensor
        Such as `Unrolled3D`.
    patch : int or None
        Side of the patches. None: there are no sweeps, and `normal` is that of the whole
        volume.
    sweeps, normal, relaxation, context
        As `PartitionedReconstructor` takes them. Where `normal` applies A, `context` must
        be None: all processes apply A together, and none for a patch of its own.

    Returns
    -------
    tensor (1, C, *spatial)
    """
    sigma = noise_level(physics, y)
    whole = PartitionedReconstructor(
        network, None, sweeps=1, normal=Exact if patch else normal, by_normal=True
    )
    x = whole(y, physics, initial_estimate(physics, y), sigma)
    if patch is None:
        return x
    parts = PartitionedReconstructor(
        network,
        patch,
        sweeps=sweeps,
        normal=normal,
        by_normal=True,
        relaxation=relaxation,
        context=context,
    )
    return parts(y, physics, x, sigma)
