"""Coded diffraction: intensities of Fourier transforms behind known phase masks."""

import numpy as np
import torch
from deepinv.physics import LinearPhysics, Physics

from ..catalogue import operator
from ..facts import (
    aligned,
    background,
    displayed,
    family,
    image_shape,
    in_image_space,
    is_differentiable,
    linear_part,
    shows_phase,
    stretched,
)
from ..normal import IdentityScales, multiscale
from ..proximal import closed_form_prox


def to_complex(x):
    """Images (B, 2C, *spatial), real parts first, as complex ones; one channel is real."""
    if x.shape[1] == 1:
        return torch.complex(x, torch.zeros_like(x))
    real, imaginary = x.chunk(2, 1)
    return torch.complex(real, imaginary)


def to_parts(z):
    """Real and imaginary parts side by side, (B, 2C, *spatial)."""
    return torch.cat((z.real, z.imag), 1)


class CodedFourier(LinearPhysics):
    """B x = F (d_k x) / sqrt(K): Fourier transforms behind K masks of pure phase.

    B^T B is the identity, for real images (one channel) and for complex ones (two).

    Parameters
    ----------
    masks : complex tensor (1, K, H, W)
        Of absolute value one.
    real : bool
        Whether the images are real.
    """

    def __init__(self, masks, real):
        super().__init__()
        self.register_buffer("masks", masks)
        self.real = real

    def A(self, x, **_):
        """The parts (B, 2K, H, W), real ones first."""
        z = torch.fft.fft2(self.masks * to_complex(x), norm="ortho")
        return to_parts(z) / self.masks.shape[1] ** 0.5

    def A_adjoint(self, y, **_):
        z = self.masks.conj() * torch.fft.ifft2(to_complex(y), norm="ortho")
        x = z.sum(1, keepdim=True) / self.masks.shape[1] ** 0.5
        return x.real.contiguous() if self.real else to_parts(x)

    def A_adjoint_A(self, x, **_):
        return x

    def prox_l2(self, z, y, gamma, **_):
        return (z + gamma * self.A_adjoint(y)) / (1 + gamma)


multiscale.register(CodedFourier, IdentityScales)
family.register(CodedFourier, lambda physics: "coded Fourier")
in_image_space.register(CodedFourier, lambda physics: False)


@closed_form_prox.register(CodedFourier)
def _(physics, y):
    return lambda z, gamma: physics.prox_l2(z, y, gamma)


class CodedDiffraction(Physics):
    """y = |B x|^2, (B, K, H, W), with B of `CodedFourier`.

    E. Candes, X. Li, M. Soltanolkotabi, "Phase Retrieval from Coded Diffraction Patterns",
    Applied and Computational Harmonic Analysis, 2015.

    Parameters
    ----------
    masks : complex tensor (1, K, H, W)
    real : bool

    Attributes
    ----------
    B : CodedFourier
    """

    def __init__(self, masks, real):
        super().__init__()
        self.B = CodedFourier(masks, real)

    def A(self, x, **_):
        return to_complex(self.B.A(x)).abs().square()


family.register(CodedDiffraction, lambda physics: "phase retrieval")
in_image_space.register(CodedDiffraction, lambda physics: False)
linear_part.register(CodedDiffraction, lambda physics: physics.B)
is_differentiable.register(CodedDiffraction, lambda physics: True)
# The gradient of |B x|^2 vanishes at zero. A flat image is closer to a picture than random
# phases are.
background.register(CodedDiffraction, lambda physics: 0.5)
shows_phase.register(CodedDiffraction, lambda physics: True)
displayed.register(CodedDiffraction, lambda physics, y: stretched(y[:, :1]))


@image_shape.register(CodedDiffraction)
def _(physics, y):
    return 1, 1 if physics.B.real else 2, *y.shape[2:]


@aligned.register(CodedDiffraction)
def _(physics, x_hat, x):
    """The sign of real images and the phase of complex ones are not measured.

    With one pattern the conjugate of d x, turned by 180 degrees, is as good as d x.
    """
    masks = physics.B.masks.to(x_hat.device)
    z, truth = to_complex(x_hat), to_complex(x)
    candidates = [z]
    if not physics.B.real and masks.shape[1] == 1:
        candidates.append(masks.conj() * turned(masks * z).conj())
    candidates = [closest_phase(candidate, truth) for candidate in candidates]
    best = min(candidates, key=lambda candidate: float((candidate - truth).norm()))
    return best.real.contiguous() if physics.B.real else to_parts(best)


def turned(z):
    """An image turned by 180 degrees about its first pixel, circularly."""
    return z.flip(-2, -1).roll((1, 1), (-2, -1))


def closest_phase(z, truth):
    """z times the number of absolute value one that brings it closest to the truth."""
    product = (z.conj() * truth).sum()
    size = product.abs()
    return z * (product / size) if size > 0 else z


@operator((1, 16, 20), patterns=2)
def coded_diffraction(shape, rng, patterns):
    """Intensities behind random phase masks.

    Parameters
    ----------
    patterns : int
        Number of masks.

    Raises
    ------
    ValueError
        If the image is neither real with one channel nor complex.
    """
    if shape[0] not in (1, 2):
        raise ValueError(
            f"Coded diffraction needs gray or complex images and got {shape[0]} channels."
        )
    angles = 2 * np.pi * rng.random_sample((1, patterns, *shape[1:]))
    masks = torch.polar(torch.ones(angles.shape), torch.from_numpy(angles).float())
    return CodedDiffraction(masks, shape[0] == 1)
