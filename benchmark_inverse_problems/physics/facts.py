"""Small facts of an operator, each a generic function of its class."""

from functools import singledispatch

import torch
from deepinv.physics import LinearPhysics
from deepinv.physics.forward import DecomposablePhysics


@singledispatch
def family(physics):
    """The kind of an operator, a word; methods keep their settings by it."""
    return "other"


@singledispatch
def is_linear(physics):
    """Whether A is linear, so that it has an adjoint."""
    return False


is_linear.register(LinearPhysics, lambda physics: True)


@singledispatch
def is_differentiable(physics):
    """Whether A has a gradient and keeps float64; A may be linear or not."""
    return is_linear(physics)


@singledispatch
def linear_part(physics):
    """B, where measurements are |B x|^2 with a linear B, else None."""
    return None


@singledispatch
def aligned(physics, x_hat, x):
    """An estimate without its differences to x that no measurement can see."""
    return x_hat


@singledispatch
def compared(physics, x_hat, x):
    """What the judge compares, (x_hat, x): the estimate, `aligned`, and the truth."""
    return aligned(physics, x_hat, x), x


@singledispatch
def local_kernels(physics):
    """The kernels (P, 1, h, w) of a blur at P places of the image, else None.

    A blur that is the same everywhere has one.
    """
    return None


@singledispatch
def squared_transfer(physics, shape):
    """The eigenvalues of A^T A by frequency, (*spatial), where they are; else None.

    The Fourier transform diagonalises circular blurs and the identity.

    Parameters
    ----------
    physics : deepinv.physics.Physics
    shape : tuple of int
        (1, C, *spatial) of the image.
    """
    return None


@singledispatch
def sums_pixels(physics):
    """Whether measurements are sums of several pixels with weights of at least zero."""
    return False


@singledispatch
def image_shape(physics, y):
    """The shape (1, C, *spatial) of the image behind measurements; that of A^T y."""
    return tuple(physics.A_adjoint(y).shape)


@singledispatch
def background(physics):
    """The value of an image without an object, about which operators are linearised."""
    return 0.0


@singledispatch
def loudness(physics, clean):
    """What a relative noise level is relative to: the mean of |A x|, a float."""
    return float(clean.abs().mean())


@singledispatch
def shows_phase(physics):
    """Whether pictures of complex images show their phase beside their magnitude."""
    return False


@singledispatch
def is_diagonal(physics):
    """Whether the singular value decomposition of A is known in closed form."""
    return False


is_diagonal.register(DecomposablePhysics, lambda physics: True)


@singledispatch
def decimation(physics):
    """Pixels of the image for one measurement, along each side; 1 without down-sampling."""
    return 1


def unit_scale(physics):
    """c such that c A^T A has a norm of about one.

    It is f^2 for down-sampling by f, whose norm is about 1 / f as in the papers' protocols,
    and 1 for the other operators of the suite. c A^T y is as bright as the image.
    """
    return decimation(physics) ** 2


@singledispatch
def measured(physics):
    """The mask of an operator that leaves entries of y unmeasured, else 1, a tensor."""
    # Not any attribute `mask`: that of a blur is the spectrum of its filter.
    return torch.ones(())


@singledispatch
def for_each_measurement(physics, y):
    """The operator with one singular value for each entry of y."""
    return physics


@singledispatch
def pseudoinverse(physics, y):
    """A^+ y, the least-squares solution of least norm, by deepinv.

    It is exact where deepinv knows the singular value decomposition, and iterative
    elsewhere.
    """
    return physics.A_dagger(y)


@singledispatch
def crop(physics, y, place):
    """What belongs to a part of the image, (y, physics), or None.

    None is for operators that mix distant pixels.

    Parameters
    ----------
    physics : deepinv.physics.Physics
    y : tensor (B, C, *spatial)
    place : tuple of slice
        Along the spatial axes.
    """
    return None


@singledispatch
def in_image_space(physics):
    """Whether measurements lie on the grid of the image or on a coarser one."""
    return True


@singledispatch
def displayed(physics, y):
    """Measurements (1, C, ...) as a picture with values in [0, 1].

    Colours are clamped. Everything else is stretched to its own range.
    """
    return y.clamp(0, 1) if y.shape[1] == 3 else stretched(y)


def stretched(y):
    """y moved and scaled to [0, 1]."""
    low, high = float(y.min()), float(y.max())
    return (y - low) / max(high - low, 1e-12)
