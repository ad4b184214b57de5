"""Total generalised variation of second order, which does not turn slopes into stairs."""

from itertools import combinations_with_replacement

import torch

from ..physics.initial_estimate import initial_estimate
from ..physics.proximal import data_prox
from .total_variation import (
    accelerated,
    check_weight,
    gradient,
    gradient_adjoint,
    primal_dual,
)


class GeneralisedVariation:
    """The norm whose minimum over vector fields r is the TGV of an image x.

        sum |D x - r| + ratio sum |E r|

    D and E take forward differences, and E r is the symmetric part of the Jacobian of r.
    Lengths are taken over all components and all channels together. It is a norm of K z
    with z = (x, r), and has the methods of `total_variation.Analysis`.

    Parameters
    ----------
    like : tensor (1, C, *spatial)
        An image.
    ratio : float

    Attributes
    ----------
    squared_norm : float
        An upper bound of the largest eigenvalue of K^T K.
    """

    def __init__(self, like, ratio):
        self.axes = like.ndim - 2
        self.ratio = ratio
        self.pairs = list(combinations_with_replacement(range(self.axes), 2))
        # Differences across the border do not exist, so r is free there.
        self.inside = gradient_exists(like)
        # |K|^2 is at most that of [[a, 1], [0, b]] with a = |D| and b = ratio |E|.
        a, b = 4.0 * self.axes, 4.0 * self.axes * ratio**2
        total = a + b + 1
        self.squared_norm = (total + (total**2 - 4 * a * b) ** 0.5) / 2

    def apply(self, z):
        """K z for z of shape (1 + d, C, *spatial), with d spatial axes."""
        x, r = z[:1], z[1:, None]
        first = self.inside * (gradient(x) - r)
        jacobian = [gradient(part) for part in r]
        second = [
            self.ratio * (jacobian[i][j] + jacobian[j][i]) / (2 if i == j else 2**0.5)
            for i, j in self.pairs
        ]
        return torch.cat((first, torch.stack(second)))

    def adjoint(self, u):
        """K^T u."""
        first, second = self.inside * u[: self.axes], u[self.axes :]
        jacobian = u.new_zeros(self.axes, *first.shape)
        for (i, j), part in zip(self.pairs, second, strict=True):
            share = self.ratio * part / (2 if i == j else 2**0.5)
            jacobian[i, j] += share
            jacobian[j, i] += share
        r = torch.cat([gradient_adjoint(part) for part in jacobian]) - first[:, 0]
        return torch.cat((gradient_adjoint(first), r))

    def lengths(self, u):
        """The two parts of a dual variable, each with its lengths."""
        for part in (u[: self.axes], u[self.axes :]):
            yield part, part.square().sum((0, 2), keepdim=True).sqrt()

    def project(self, u, radius):
        """The projection of a dual variable on the ball of the dual norm."""
        return torch.cat(
            [part / (size / radius).clamp(min=1) for part, size in self.lengths(u)]
        )

    def value(self, z):
        """The norm of K z, a float."""
        sizes = [size for _, size in self.lengths(self.apply(z))]
        return sum(size.sum(dtype=torch.float64).item() for size in sizes)


def gradient_exists(like):
    """1 where the forward differences of an image lie inside, (d, 1, 1, *spatial)."""
    shape = like.shape[2:]
    inside = like.new_ones(len(shape), 1, 1, *shape)
    for axis, part in enumerate(inside):
        part.select(axis + 2, -1).zero_()
    return inside


class OnImage:
    """A linear operator on the image of (x, r)."""

    def __init__(self, physics):
        self.physics = physics

    def A(self, z):
        return self.physics.A(z[:1])

    def A_adjoint(self, y):
        x = self.physics.A_adjoint(y)
        return torch.cat((x, x.new_zeros(x.ndim - 2, *x.shape[1:])))

    def A_adjoint_A(self, z):
        return self.A_adjoint(self.A(z))


def total_generalised_variation(
    y, physics, weight, ratio=2.0, tolerance=1e-3, max_iter=1000
):
    """`argmin_x 1/2 ||A x - y||^2 + weight * TGV(x)`.

    TGV(x) is the minimum over r of the norm of `GeneralisedVariation` (K. Bredies, K.
    Kunisch, T. Pock, "Total Generalized Variation", SIAM Journal on Imaging Sciences,
    2010, for the order two). It is zero for affine images.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, *spatial) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A.
    weight : float
        Positive weight of the regulariser.
    ratio : float
        Positive weight of E r relative to that of D x - r. The larger it is, the nearer
        is TGV to the total variation.
    tolerance, max_iter : float, int
        See `total_variation.minimise`. The conditions are those of x and r together.

    Returns
    -------
    Tensor
        The image (1, C, *spatial).

    Raises
    ------
    ValueError
        If `weight` is not positive.
    """
    check_weight(weight)
    x = initial_estimate(physics, y)
    norm = GeneralisedVariation(x, ratio)
    z = torch.cat((x, x.new_zeros(norm.axes, *x.shape[1:])))
    prox, exact = data_prox(physics, y)
    if exact:

        def prox_of_both(z, gamma):
            return torch.cat((prox(z[:1], gamma), z[1:]))

        z = primal_dual(z, prox_of_both, norm, weight, tolerance, max_iter)
    else:
        most = -(-max_iter // 10)
        z = accelerated(z, y, OnImage(physics), norm, weight, tolerance, most)
    return z[:1]
