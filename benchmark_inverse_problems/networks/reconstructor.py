"""What the learned reconstructors share: one network, any operator and noise level."""

from dataclasses import dataclass

import deepinv as dinv
import torch

from ..physics.facts import unit_scale
from ..physics.noise import noise_parameter
from ..physics.normal import FineScales, multiscale

# Least noise level, relative to the largest value of A^T y. RAM has 5e-3 for images in
# [0, 1].
SIGMA_FLOOR = 5e-3


@dataclass
class Inputs:
    """A batch of measurements, ready for a network.

    Attributes
    ----------
    y : tensor
        Measurements, with the batch first.
    adjoint : tensor (B, C, H, W)
        f^2 A^T y. f is the factor of down-sampling, and 1 for other operators.
    operators : FineScales
        A^T A, scaled to unit norm, and the proximal operator of the data term.
    sigma, gain : tensor (B,)
        Level of the Gaussian noise, at least the floor, and gain of the Poisson noise.
    noise : tensor (B,)
        Standard deviation of both together.
    brightness : tensor (B,) or None
        What the measurements and their noise were divided by, and the result is
        multiplied by. None is for one.
    """

    y: torch.Tensor
    adjoint: torch.Tensor
    operators: FineScales
    sigma: torch.Tensor
    gain: torch.Tensor
    noise: torch.Tensor
    brightness: torch.Tensor | None = None

    def __len__(self):
        return len(self.y)


class LearnedReconstructor(dinv.models.Reconstructor):
    """A network that takes measurements of any linear operator and noise level.

    A subclass writes `solve`, which runs the network on several prepared problems as
    one batch. Training on several tasks then costs as much as training on one. A
    subclass may extend `inputs`, which computes in float32 what `solve` needs.

    Parameters
    ----------
    channels : tuple of int
        Channel counts of the images that the network has heads for.

    Attributes
    ----------
    cg_iterations : int or None
        Iterations of conjugate gradients in a proximal step that has no closed form.
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
            the physics' noise model. A level that neither of them states is 0.

        Raises
        ------
        ValueError
            If the network has no head for the image's channels.
        """
        return self.solve([self.prepare(y, physics, sigma, gain)])

    def prepare(self, y, physics=None, sigma=None, gain=None):
        """What `solve` needs of a problem.

        It is computed in float32, because operators lose too much in bfloat16.
        """
        with torch.autocast(y.device.type, enabled=False):
            return self.inputs(y.float(), physics, sigma, gain)

    def solve(self, problems):
        """Reconstructions of prepared problems, concatenated along the batch."""
        raise NotImplementedError

    def inputs(self, y, physics, sigma, gain):
        """The `Inputs` of a problem."""
        physics = physics or dinv.physics.Denoising(dinv.physics.ZeroNoise())
        x = physics.A_adjoint(y)
        if x.shape[1] not in self.channels:
            raise ValueError(
                f"This {type(self).__name__} has heads for {self.channels} channels and "
                f"got an image with {x.shape[1]}: reconstruct its channels one by one."
            )
        scale = self.scale(physics)
        x = scale * x
        operators = multiscale(physics, x.shape[1:])
        operators.weight = scale
        operators.iterations = self.cg_iterations
        sigma, gain, noise = self.levels(physics, y, x, sigma, gain)
        return Inputs(y, x, operators, sigma, gain, noise)

    def scale(self, physics):
        """The factor of A^T A and of A^T y.

        Down-sampling by f is scaled to unit norm as f A. z = f^2 A^T y is then as
        bright as the image, and a proximal step towards z does not darken it.
        """
        return unit_scale(physics)

    def levels(self, physics, y, x, sigma, gain):
        """The levels of the noise, `sigma`, `gain` and `noise` of `Inputs`."""
        # The peak is that of the adjoint, because the centre of k-space is far brighter
        # than the image. Constants relative to the peak keep f(a y, a sigma, a gain) =
        # a f(y, sigma, gain) for any a.
        peak = x.abs().flatten(1).amax(1)
        sigma = noise_parameter(physics, y, "sigma", sigma).maximum(SIGMA_FLOOR * peak)
        gain = noise_parameter(physics, y, "gain", gain)
        noise = (sigma.square() + gain * y.abs().flatten(1).mean(1)).sqrt()
        return sigma, gain, noise


def per_image(values):
    """Numbers (B,) as (B, 1, 1, 1), to multiply images (B, C, H, W)."""
    return values.view(-1, 1, 1, 1)
