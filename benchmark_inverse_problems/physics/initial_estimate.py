"""First estimates, from which iterations start."""

from functools import singledispatch

import torch

from .facts import background, image_shape, is_linear
from .noise import noise_level
from .proximal import data_prox


@singledispatch
def initial_estimate(physics, y):
    """A cheap reconstruction to start from, aligned with the operator's grid.

    The measurements themselves for denoising, interpolation for missing pixels, and
    elsewhere the Tikhonov solution `argmin_x ||A x - y||^2 + eps ||x - c A^T y||^2`,
    where c scales `A^T y` to the measurements. For an operator that is not linear, a step
    towards this solution from the background.

    Parameters
    ----------
    physics : deepinv.physics.Physics
        The operator A, with its noise model.
    y : tensor
        Measurements of an image with values about [0, 1].

    Returns
    -------
    tensor
        An image of the shape of `A^T y`: (1, C, *spatial).
    """
    # Detail of standard deviation 0.05 seen through noise of 0.01 at least.
    gamma = (0.05 / max(noise_level(physics, y), 0.01)) ** 2
    prox, _ = data_prox(physics, y, max_iter=10)
    if not is_linear(physics):
        return prox(empty_image(physics, image_shape(physics, y), y), gamma)
    back, scale = matched_adjoint(physics, y)
    return prox(scale * back, gamma * scale.item())


def empty_image(physics, shape, y):
    """The image of the background, from which methods for any operator start."""
    return torch.full(shape, background(physics)).to(y)


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
