"""First estimates, from which iterations start."""

from functools import singledispatch

import torch

from .noise import noise_level
from .proximal import data_prox


@singledispatch
def initial_estimate(physics, y):
    """A cheap reconstruction to start from, aligned with the operator's grid.

    The measurements themselves for denoising, interpolation for missing pixels, and
    elsewhere the Tikhonov solution `argmin_x ||A x - y||^2 + eps ||x - c A^T y||^2`,
    where c scales `A^T y` to the measurements.

    Parameters
    ----------
    physics : deepinv.physics.LinearPhysics
        The operator A, with its noise model.
    y : tensor
        Measurements of an image with values about [0, 1].

    Returns
    -------
    tensor
        An image of the shape of `A^T y`: (1, C, *spatial).
    """
    back, scale = matched_adjoint(physics, y)
    # Detail of standard deviation 0.05 seen through noise of 0.01 at least.
    gamma = (0.05 / max(noise_level(physics, y), 0.01)) ** 2
    prox, _ = data_prox(physics, y, max_iter=10)
    return prox(scale * back, gamma * scale.item())


def matched_adjoint(physics, y):
    """A^T y, and for each image the number c for which A (c A^T y) explains y best.

    Returns
    -------
    adjoint : tensor (B, C, *spatial)
    scale : tensor (B, 1, ..., 1)
        1 where A A^T y is zero.
    """
    adjoint = physics.A_adjoint(y)
    again = physics.A(adjoint)
    energy = again.square().flatten(1).sum(1)
    scale = (again * y).flatten(1).sum(1) / torch.where(energy > 0, energy, 1)
    return adjoint, scale.view(-1, *[1] * (adjoint.ndim - 1))


@singledispatch
def direct_inverse(physics, y):
    """The inverse that is computed in one go, (B, C, *spatial).

    It is the filtered back-projection for tomography, which takes a batch, and
    `initial_estimate` elsewhere, which takes one image.
    """
    return initial_estimate(physics, y)
