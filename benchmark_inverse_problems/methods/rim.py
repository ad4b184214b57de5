"""Reconstruction with recurrent inference machines."""

import torch

from ..networks.rim import MARGIN, RIM, STEPS
from ..networks.weights import load_weights
from ..physics.facts import family
from ..physics.initial_estimate import matched_adjoint
from ..physics.noise import noise_levels


def rim(y, physics, network, iterations=STEPS):
    """The estimates x_0, x_1, ... of a recurrent inference machine, as a generator.

    Parameters
    ----------
    y : tensor
        Measurements, with the batch first, of images with values in [0, 1].
    physics : deepinv.physics.LinearPhysics
        Any linear operator, with its noise model.
    network : RIM
    iterations : int
        More than the `STEPS` of training are allowed. The paper finds the recurrence
        stable.

    Yields
    ------
    tensor (B, C, H, W)
        Estimates in (0, 1). The first one is the initial estimate.

    Raises
    ------
    ValueError
        If `iterations` is negative.
    """
    if iterations < 0:
        raise ValueError(f"The iterations must not be negative, got {iterations}.")
    sigma = noise_levels(physics, y).view(-1, 1, 1, 1)
    eta = start(physics, y).logit()
    state = None
    yield eta.sigmoid()
    for _ in range(iterations):
        with torch.autocast(y.device.type, enabled=False):
            descent = physics.A_adjoint(physics.A(eta.sigmoid()) - y)
        step, state = network(descent, eta, state, sigma)
        eta = eta + step
        yield eta.sigmoid()


def start(physics, y):
    """A^T y times the number that explains y best, strictly inside (0, 1)."""
    adjoint, scale = matched_adjoint(physics, y)
    return (scale * adjoint).clamp(MARGIN, 1 - MARGIN)


def load_rim(variant, physics):
    """Load a RIM or one of its reductions, with the bundled weights for an operator.

    Parameters
    ----------
    variant : {"rim", "gdn", "ffn"}
    physics : deepinv.physics.LinearPhysics
        Networks for random projections exist in all variants. The network for all other
        operators is a RIM.

    Raises
    ------
    FileNotFoundError, ValueError
        If the weights are missing or damaged, or the variant is not known.
    """
    name = f"{variant}_projections" if is_projection(physics) else variant
    return load_weights(RIM(variant), name)


def is_projection(physics):
    """Whether an operator is a random projection."""
    return family(physics) == "random_projection"
