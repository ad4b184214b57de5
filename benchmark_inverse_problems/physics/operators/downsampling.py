"""Bicubic down-sampling, a small matrix along each side of the image."""

from functools import lru_cache

import deepinv as dinv
import torch
from deepinv.physics import Downsampling, DownsamplingMatlab, LinearPhysics

from ..catalogue import check_size, operator
from ..facts import decimation, family, pseudoinverse
from ..normal import FineScales, IdentityScales, multiscale
from ..null_space import filtered_projection, range_projection, seen_directions
from ..proximal import closed_form_prox
from ..separable import separable

family.register(Downsampling, lambda physics: "downsampling")
decimation.register(Downsampling, lambda physics: physics.factor)


@operator((3, 32, 48), factor=4)
def downsampling(shape, rng, factor):
    """Bicubic low-pass filter and decimation, circular, as in the RAM and FiRe papers.

    deepinv's operator has a norm of about 1 / factor. It is kept as it is: multiplied by
    `factor` it would change the protocol's noise level.
    """
    check_size(shape, 8 * factor, f"Down-sampling by {factor}")
    return dinv.physics.Downsampling(
        img_size=shape, filter="bicubic", factor=factor, padding="circular"
    )


@lru_cache(maxsize=16)
def kept_downsampling(shape, factor):
    """`downsampling`, one object for each shape.

    What is computed from the operator is then computed once.
    """
    return downsampling(shape, None, factor)


@operator((3, 24, 36), factor=3)
def downsampling_matlab(shape, rng, factor):
    """MATLAB's bicubic imresize, the operator of the super-resolution papers."""
    check_size(shape, 8 * factor, f"Down-sampling by {factor}")
    return dinv.physics.DownsamplingMatlab(factor=factor)


@pseudoinverse.register(Downsampling)
def _(physics, y):
    # Conjugate gradients that stop early also tame the noise. deepinv's own A^+ of these
    # classes is another operator: an up-sampling.
    return LinearPhysics.A_dagger(
        physics, y, solver="CG", max_iter=100, tol=1e-4, verbose=False
    )


@closed_form_prox.register(Downsampling)
def _(physics, y):
    pair = separable(physics, tuple(physics.A_adjoint(y).shape))
    # deepinv's own formula for `padding="circular"` repeats a slow adjoint at every call and
    # has no counterpart for MATLAB's kernel.
    return None if pair is None else lambda z, gamma: pair.prox(z, y, gamma)


@range_projection.register(Downsampling)
def _(physics, shape):
    pair = separable(physics, shape)
    if pair is None:
        return filtered_projection(physics)
    (_, s_rows, rows), (_, s_columns, columns) = (
        torch.linalg.svd(matrix.double(), full_matrices=False)
        for matrix in (pair.rows, pair.columns)
    )
    seen = seen_directions(s_rows[:, None] * s_columns)

    def project(x):
        coefficients = rows @ x.double() @ columns.T * seen
        return (rows.T @ coefficients @ columns).to(x.dtype)

    return project


@multiscale.register(Downsampling)
def _(physics, shape):
    pair = separable(physics, tuple(shape))
    if pair is None:
        return FineScales(physics, shape)
    return SeparableScales(physics, shape, pair)


class SeparableScales(IdentityScales):
    """U_s^T A^T A U_s as one matrix along each side.

    deepinv's class recomputes the filter's spectrum at every call, and its proximal
    operator loses four digits to cancellation at high weights.
    """

    def __init__(self, physics, shape, pair):
        super().__init__(physics, shape)
        self.pair = pair
        self.forward, self.adjoint, self.prox = pair.forward, pair.adjoint, pair.prox

    def on_sides(self, matrices):
        rows, columns = matrices
        return self.pair.rows.to(rows) @ rows, self.pair.columns.to(rows) @ columns


def grid_shift(physics):
    """Pixels by which the operator's grid lies off the centred grid, rounded.

    The centre of gravity of A's point spread tells where a low-resolution pixel lies. On
    the centred grid pixel k lies at factor * k + (factor - 1) / 2. deepinv's circular
    down-sampling by 4 samples one pixel away from it.
    """
    factor = physics.factor
    side, k = 16 * factor, 8
    delta = torch.zeros(1, 1, 16, 16)
    delta[..., k, k] = 1
    spread = of_one_channel(physics, side).A_adjoint(delta)[0, 0].sum(0)
    position = float((spread * torch.arange(side)).sum() / spread.sum())
    return round(position - (factor * k + (factor - 1) / 2))


def of_one_channel(physics, side):
    """The same down-sampling for one gray image of side x side."""
    if isinstance(physics, DownsamplingMatlab):
        return dinv.physics.DownsamplingMatlab(factor=physics.factor)
    return dinv.physics.Downsampling(
        img_size=(1, side, side),
        filter=physics.filter.cpu()[:, :1],
        factor=physics.factor,
        padding=physics.padding,
    )
