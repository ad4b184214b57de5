"""Random projections."""

from functools import cached_property

import deepinv as dinv
import numpy as np
import torch

from ..catalogue import operator
from ..facts import family, in_image_space
from ..null_space import range_projection, seen_directions
from ..proximal import closed_form_prox

# Pixels of the largest image that random projections take: a matrix of 64 MB.
MOST_PROJECTED = 4096


class RandomProjection(dinv.physics.LinearPhysics):
    """Products of an image with the rows of a matrix.

    Parameters
    ----------
    matrix : tensor (m, C H W)
    shape : tuple of int
        (C, H, W) of the image; measurements are (B, 1, m, 1).
    """

    def __init__(self, matrix, shape):
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.shape = tuple(shape)

    def A(self, x, **_):
        return (x.flatten(1) @ self.matrix.T)[:, None, :, None]

    def A_adjoint(self, y, **_):
        return (y.flatten(1) @ self.matrix).view(-1, *self.shape)

    @cached_property
    def eigen(self):
        """Eigenvalues (m,) and eigenvectors (m, m) of A A^T."""
        return torch.linalg.eigh(self.matrix @ self.matrix.T)

    def prox_l2(self, z, y, gamma, **_):
        """argmin over u of gamma / 2 |A u - y|^2 + 1 / 2 |u - z|^2, in closed form."""
        values, vectors = (part.to(z) for part in self.eigen)
        residual = (y - self.A(z)).flatten(1) @ vectors
        gamma = torch.as_tensor(gamma).to(z).view(-1, 1)
        return z + self.A_adjoint(residual / (values + 1 / gamma) @ vectors.T)


family.register(RandomProjection, lambda physics: "random_projection")
in_image_space.register(RandomProjection, lambda physics: False)


@closed_form_prox.register(RandomProjection)
def _(physics, y):
    return lambda z, gamma: physics.prox_l2(z, y, gamma)


@range_projection.register(RandomProjection)
def _(physics, shape):
    _, values, vectors = torch.linalg.svd(physics.matrix, full_matrices=False)
    seen = vectors[seen_directions(values)]
    return lambda x: (x.flatten(1) @ seen.T @ seen).view_as(x)


@operator((1, 12, 12), ensemble="gaussian", ratio=0.4)
def random_projection(shape, rng, ensemble, ratio):
    """Random projections of a small gray image, divided by `projection_norm`.

    Parameters
    ----------
    ensemble : {"gaussian", "binary", "fourier"}
        Standard normal entries, signs, or random rows of the two-dimensional Fourier
        transform, whose real and imaginary parts are two measurements.
    ratio : float
        Rows per pixel.

    Raises
    ------
    ValueError
        If the image is not gray or so large that the matrix would be huge.
    """
    pixels = int(np.prod(shape))
    if shape[0] != 1 or pixels > MOST_PROJECTED:
        raise ValueError(
            f"Random projections need gray images of at most {MOST_PROJECTED} pixels and "
            f"got one of shape {tuple(shape)}: use crop=32 or smaller."
        )
    rows = round(ratio * pixels)
    if ensemble == "gaussian":
        matrix = rng.standard_normal((rows, pixels))
    elif ensemble == "binary":
        matrix = 2.0 * rng.randint(0, 2, (rows, pixels)) - 1
    elif ensemble == "fourier":
        height, width = shape[1:]
        frequencies = rng.permutation(pixels)[:rows]
        u, v = frequencies // width, frequencies % width
        y, x = np.divmod(np.arange(pixels), width)
        turns = np.outer(u / height, y) + np.outer(v / width, x)
        matrix = np.concatenate((np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)))
    else:
        raise ValueError(
            f"ensemble={ensemble} is not known: use gaussian, binary or fourier."
        )
    matrix = torch.from_numpy(matrix / projection_norm(ensemble, ratio, pixels)).float()
    return RandomProjection(matrix, shape)


def projection_norm(ensemble, ratio, pixels):
    """About the norm of a matrix of random projections with entries of size one.

    For random entries the edge of Marchenko and Pastur's law, sqrt(m) + sqrt(n).
    """
    root = pixels**0.5
    return root if ensemble == "fourier" else root * (1 + ratio**0.5)
