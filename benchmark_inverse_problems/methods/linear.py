"""Linear baselines: the pseudo-inverse and aligned bicubic interpolation."""

import deepinv as dinv
import torch
from deepinv.physics.forward import LinearPhysics
from torch.nn.functional import interpolate


def decimates(physics):
    """Whether an operator is a down-sampling."""
    return isinstance(physics, dinv.physics.Downsampling)


def pseudoinverse(y, physics):
    """The least-squares solution of least norm, A^+ y.

    Exact where deepinv knows the singular value decomposition; for the rest
    conjugate gradients on the normal equations, to a relative residual of 1e-4 or
    100 iterations (which also tames the noise: early stopping regularises). For
    tomography deepinv's own A^+ is the filtered back-projection.
    """
    if decimates(physics):
        return LinearPhysics.A_dagger(
            physics, y, solver="CG", max_iter=100, tol=1e-4, verbose=False
        )
    return physics.A_dagger(y)


def bicubic(y, physics):
    """Up-sampling with Keys' kernel (a = -0.5), aligned with the operator's grid.

    Decimation keeps the pixel at `offset` of each block; the offset is measured on
    the operator itself, as deepinv's circular down-sampling by 4 samples one pixel
    away from MATLAB's grid.

    Parameters
    ----------
    y : tensor (1, C, h, w)
    physics : deepinv.physics.Downsampling

    Returns
    -------
    tensor (1, C, h * factor, w * factor)
    """
    factor = physics.factor
    size = [n * factor for n in y.shape[-2:]]
    up = interpolate(y, size=size, mode="bicubic", antialias=True)
    shift = sampling_shift(physics, factor)
    return up if not shift else torch.roll(up, (shift, shift), (-2, -1))


def sampling_shift(physics, factor):
    """Pixels by which the operator's grid lies off the centred grid, rounded.

    The centre of gravity of A's point spread tells where a low-resolution pixel
    lies; on the centred grid pixel k lies at factor * k + (factor - 1) / 2.
    """
    side = 16 * factor
    k = 8
    delta = torch.zeros(1, 1, 16, 16)
    delta[..., k, k] = 1
    spread = single_channel(physics, side).A_adjoint(delta)[0, 0].sum(0)
    position = float((spread * torch.arange(side)).sum() / spread.sum())
    return round(position - (factor * k + (factor - 1) / 2))


def single_channel(physics, side):
    """The same down-sampling for one gray image of side x side."""
    if isinstance(physics, dinv.physics.DownsamplingMatlab):
        return dinv.physics.DownsamplingMatlab(factor=physics.factor)
    return dinv.physics.Downsampling(
        img_size=(1, side, side),
        filter=physics.filter.cpu()[:, :1],
        factor=physics.factor,
        padding=physics.padding,
    )
