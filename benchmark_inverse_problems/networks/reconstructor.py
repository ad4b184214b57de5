"""What the learned reconstructors share: one network, any operator and noise level."""

from dataclasses import dataclass

import deepinv as dinv
import torch

from ..physics.facts import unit_scale
from ..physics.noise import noise_parameter
from ..physics.normal import FineScales, multiscale

# Relative to the brightest point of A^T y: RAM's 5e-3 for images in [0, 1].
SIGMA_FLOOR = 5e-3


@dataclass
class Inputs:
    """A batch of measurements, ready for a network.

    Attributes
    ----------
    y : tensor
        Measurements, with the batch first.
    adjoint : tensor (B, C, H, W)
        f^2 A^T y, with f = 1 but for down-sampling by f: the adjoint at unit norm.
    operators : FineScales
        A^T A, at unit norm, and its proximal operator.
    sigma, gain : tensor (B,)
        Levels of the Gaussian noise, not below the floor, and of the Poisson noise.
    noise : tensor (B,)
        Standard deviation of both together.
    """

    y: torch.Tensor
    adjoint: torch.Tensor
    operators: FineScales
    sigma: torch.Tensor
    gain: torch.Tensor
    noise: torch.Tensor

    def __len__(self):
        return len(self.y)


class LearnedReconstructor(dinv.models.Reconstructor):
    """A network that takes measurements of any linear operator and noise level.

    A subclass writes `prepare`, which computes what it needs in float32, and `solve`,
    which runs the network on several prepared problems as one batch: training mixes
    tasks at the price of one.

    Parameters
    ----------
    channels : tuple of int
        Channel counts of the images that the network has heads for.

    Attributes
    ----------
    cg_iterations : int or None
        Conjugate gradients in a proximal step of an operator that has no closed form.
        None: as many as the physics takes.
    """

    cg_iterations = None

    def __init__(self, channels):
        super().__init__()
        self.channels = tuple(channels)

    def forward(self, y, physics=None, sigma=None, gain=None):
        """Reconstruct images (B, C, H, W) of any H and W.

        Parameters
        ----------
        y : tensor
            Measurements, with the batch first.
        physics : deepinv.physics.LinearPhysics, optional
            The operator, of unit norm (down-sampling by f: norm about 1/f), with
            its noise model. Denoising if None.
        sigma, gain : float or tensor (B,), optional
            Levels of the Gaussian and of the Poisson noise instead of those of
            the physics' noise model. None and absent means 0.

        Raises
        ------
        ValueError
            If the network has no head for the image's channels.
        """
        return self.solve([self.prepare(y, physics, sigma, gain)])

    def prepare(self, y, physics=None, sigma=None, gain=None):
        """What `solve` needs of a problem."""
        with torch.autocast(y.device.type, enabled=False):
            return self.inputs(y.float(), physics, sigma, gain)

    def solve(self, problems):
        """Reconstructions of prepared problems, concatenated along the batch."""
        raise NotImplementedError

    def inputs(self, y, physics, sigma, gain):
        """The `Inputs` of a problem; operators lose too much in bfloat16."""
        physics = physics or dinv.physics.Denoising(dinv.physics.ZeroNoise())
        x = physics.A_adjoint(y)
        if x.shape[1] not in self.channels:
            raise ValueError(
                f"This {type(self).__name__} has heads for {self.channels} channels and "
                f"got an image with {x.shape[1]}: reconstruct its channels one by one."
            )
        # Down-sampling by f at unit norm is f A: z = f^2 A^T y is then as bright as
        # the image, and a proximal step towards it does not darken it.
        scale = unit_scale(physics)
        x = scale * x
        operators = multiscale(physics, x.shape[1:])
        operators.weight = scale
        operators.iterations = self.cg_iterations
        # Of the adjoint and not of y: the centre of k-space is far brighter than the
        # image. Constants relative to it keep f(a y, a sigma, a gain) = a f(y, sigma,
        # gain) at any a.
        peak = x.abs().flatten(1).amax(1)
        sigma = noise_parameter(physics, y, "sigma", sigma).maximum(SIGMA_FLOOR * peak)
        gain = noise_parameter(physics, y, "gain", gain)
        noise = (sigma.square() + gain * y.abs().flatten(1).mean(1)).sqrt()
        return Inputs(y, x, operators, sigma, gain, noise)


def per_image(values):
    """Numbers (B,) that multiply images (B, C, H, W)."""
    return values.view(-1, 1, 1, 1)
