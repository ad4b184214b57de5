"""Networks of pictures on volumes, slice by slice."""

import deepinv as dinv

from ..physics.initial_estimate import initial_estimate
from ..physics.local_normal import FittedNormals, Toeplitz, has_toeplitz
from ..physics.noise import noise_level
from .partition import PartitionedReconstructor

# Slices of MRI are independent where the first axis is measured at all frequencies. Other
# slices are each other's context, and are solved several times.
SWEEPS = 3


class NormalEquations(dinv.physics.LinearPhysics):
    """An operator that is known by A^T A. Its measurements are A^T y.

    Methods that call `A_adjoint`, `A_adjoint_A` and `prox_l2` cannot tell it from A.

    Parameters
    ----------
    normal : callable
        A^T A of images (B, C, H, W).
    sigma : float
        Level of the noise of y.
    """

    def __init__(self, normal, sigma):
        super().__init__(noise_model=dinv.physics.GaussianNoise(sigma))
        self.normal = normal

    def A(self, x, **_):
        raise NotImplementedError("The operator is known by A^T A only.")

    def A_adjoint(self, y, **_):
        return y

    def A_adjoint_A(self, x, **_):
        return self.normal(x)

    def prox_l2(self, z, y, gamma, **_):
        """argmin over u of gamma |A u - y|^2 + |u - z|^2, by conjugate gradients."""
        return dinv.optim.linear.conjugate_gradient(
            lambda x: gamma * self.normal(x) + x,
            gamma * y + z,
            max_iter=self.max_iter,
            tol=self.tol,
            init=z,
        )


def by_slices(y, physics, network):
    """A volume whose slices along the first axis are those of a network of pictures.

    Parameters
    ----------
    y : tensor
    physics : deepinv.physics.LinearPhysics
    network : callable (y, physics) -> tensor
        A network like RAM, which asks of the operator what `NormalEquations` answers.

    Returns
    -------
    tensor (1, C, D, H, W)
    """

    def base(back, normal, sigma):
        def of_slices(x):
            return normal(x[:, :, None])[:, :, 0]

        problem = NormalEquations(of_slices, sigma)
        return network(back[:, :, 0], problem)[:, :, None]

    start = initial_estimate(physics, y)
    separable = has_toeplitz(physics)
    partition = PartitionedReconstructor(
        base,
        (1, *start.shape[3:]),
        sweeps=1 if separable else SWEEPS,
        normal=Toeplitz if separable else FittedNormals(0),
        by_normal=True,
    )
    return partition(y, physics, start, noise_level(physics, y))
