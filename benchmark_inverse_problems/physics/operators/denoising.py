"""Denoising: the operator is the identity."""

import deepinv as dinv
import torch
from deepinv.physics import Denoising

from ..catalogue import operator
from ..facts import crop, family, squared_transfer
from ..initial_estimate import initial_estimate
from ..normal import IdentityScales, multiscale

family.register(Denoising, lambda physics: "denoising")
multiscale.register(Denoising, IdentityScales)
squared_transfer.register(Denoising, lambda physics, shape: torch.ones(shape[2:]))


@crop.register(Denoising)
def _(physics, y, place):
    return y[(..., *place)], physics


@operator((3, 16, 20))
def denoising(shape, rng):
    """y = x."""
    return dinv.physics.Denoising()


@initial_estimate.register(Denoising)
def _(physics, y):
    return y.clone()
