"""Inverse scattering: waves that an object scatters, measured around it."""

import math

import torch
from deepinv.physics import Physics
from deepinv.physics.scattering import Scattering as Helmholtz
from deepinv.physics.scattering import circular_sensors

from ..catalogue import operator
from ..derivatives import from_matrix, jacobian
from ..facts import (
    displayed,
    family,
    image_shape,
    in_image_space,
    is_differentiable,
    stretched,
)

# Waves along the side of the image, distance of the sensors from its centre in sides.
WAVES, RADIUS = 4, 1.0


class Scattering(Physics):
    """deepinv's Helmholtz model of an image, with real measurements (1, 2, T, R).

    An object x in [0, 1] has the potential `contrast` x. Each of T transmitters on a circle
    sends a circular wave, and R receivers measure real and imaginary part of what the
    object scatters. The measurements are divided by the norm of the Jacobian at x = 0.

    Parameters
    ----------
    side : int
        Of the image, in pixels.
    contrast : float
    transmitters, receivers : int
    """

    def __init__(self, side, contrast, transmitters, receivers):
        super().__init__()
        self.side, self.contrast, self.scale = side, contrast, 1.0
        self.receivers = receivers
        self.waves = Helmholtz(
            side,
            receivers=circular_sensors(receivers, RADIUS)[0],
            transmitters=circular_sensors(transmitters, RADIUS)[0],
            background_wavenumber=2 * math.pi * WAVES,
        )
        at_zero = self.jacobian(torch.zeros(1, 1, side, side))
        self.scale = 1 / float(torch.linalg.matrix_norm(at_zero, 2))

    def jacobian(self, x):
        """The Jacobian at x, a matrix (2 T R, pixels) in float64.

        A change of a pixel scatters the total field of a transmitter at the pixel, and what
        arrives at a receiver is the total field that the receiver would send there.
        """
        x = (self.contrast * x).to(torch.complex128)
        sent = self.waves.compute_total_field(x)
        green = self.waves.born_operator.green_operator[:1]  # the same for transmitters
        inner = self.waves.wavenumber**2 * (x + 1)
        source = self.waves.wavenumber**2 * x * green
        received = self.waves.solver(inner, source) + green
        product = sent[0, :, None] * received[0]  # (T, R, H, W)
        parts = torch.stack((product.real, product.imag)).flatten(3).flatten(0, 2)
        return self.scale * self.contrast * parts

    def A(self, x, **_):
        y = self.waves.A((self.contrast * x).to(torch.complex128)).unsqueeze(1)
        return (self.scale * torch.cat((y.real, y.imag), 1)).to(x.dtype)


family.register(Scattering, lambda physics: "scattering")
in_image_space.register(Scattering, lambda physics: False)
is_differentiable.register(Scattering, lambda physics: True)
image_shape.register(Scattering, lambda physics, y: (1, 1, physics.side, physics.side))


@jacobian.register(Scattering)
def _(physics, x):
    y = x.new_zeros(1, 2, physics.waves.transmitters.shape[1], physics.receivers)
    return from_matrix(physics.jacobian(x), x, y)


displayed.register(Scattering, lambda physics, y: stretched(y[:, :1]))


@operator((1, 16, 16), contrast=0.2, transmitters=4, receivers=8)
def scattering(shape, rng, contrast, transmitters, receivers):
    """Waves scattered by an object of some contrast.

    Raises
    ------
    ValueError
        If the image is not gray and square, or its side is odd.
    """
    if shape[0] != 1 or shape[1] != shape[2]:
        sides = "x".join(map(str, shape[1:]))
        raise ValueError(
            f"Scattering needs gray square images and got {shape[0]} channels of {sides}."
        )
    if shape[1] % 2:
        raise ValueError(
            f"Scattering needs an even number of pixels a side and got {shape[1]}."
        )
    return Scattering(shape[1], contrast, transmitters, receivers)
