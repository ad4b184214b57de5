"""One operator as several, for processes that share its work."""

from copy import copy
from functools import singledispatch

import torch
from deepinv.distributed import distribute

# The axis of the measurements (B, C, parts, ...) along which operators are cut.
AXIS = 2


@singledispatch
def parts(physics, count):
    """Up to `count` operators whose measurements, joined along `AXIS`, are those of A.

    Raises
    ------
    ValueError
        If operators of this class cannot be cut.
    """
    raise ValueError(
        f"The operator {type(physics).__name__} cannot be shared by several processes: "
        "use one process."
    )


def shares(length, count):
    """Slices that cut a length into up to `count` parts of nearly equal size."""
    pieces = torch.arange(length).tensor_split(min(length, count))
    return [slice(int(piece[0]), int(piece[-1]) + 1) for piece in pieces]


def shared(physics, context):
    """The same operator, with A and A^T computed by all processes together.

    All processes must call it with the same numbers. Each computes its parts, and all get
    the result.

    Parameters
    ----------
    physics : deepinv.physics.LinearPhysics
    context : deepinv.distributed.DistributedContext

    Returns
    -------
    deepinv.physics.LinearPhysics
        Of the same class.

    Raises
    ------
    ValueError
        If operators of this class cannot be cut.
    """
    pieces = parts(physics, context.world_size)
    stacked = distribute(pieces, context)

    def forward(x, **_):
        return torch.cat(list(stacked.A(x)), AXIS)

    def adjoint(y, **_):
        return stacked.A_adjoint(list(y.tensor_split(len(pieces), AXIS)))

    def normal(x, **_):
        return stacked.A_adjoint_A(x)

    result = copy(physics)
    result.A, result.A_adjoint, result.A_adjoint_A = forward, adjoint, normal
    return result
