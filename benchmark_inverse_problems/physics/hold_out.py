"""Two independent halves of one measurement: one to learn from, one to check with."""

import copy

import torch

from .facts import measured
from .noise import noise_level, noise_model, noise_parameter

# Share of the measured entries that are held out.
SHARE = 0.1
# The noise that is added to what is learned from, relative to the measurement's. The other
# half then has 1 / STRENGTH times it, so that the two are independent.
STRENGTH = 0.3


class HeldOut:
    """A measurement without a part of it, and the error on that part.

    Where the operator measures some entries only, a tenth of them are held out: the check
    sees what the prior fills in. Elsewhere noise is split: with y and white noise n, the
    measurements y + a sigma n and y - sigma n / a have independent noise (N. Oliveira, J.
    Lei, R. Tibshirani, "Unbiased Risk Estimation in the Normal Means Problem via Coupled
    Bootstrap Techniques", 2022). Photons are counted twice instead: each belongs to the
    first part with a probability of 1 - SHARE.

    Parameters
    ----------
    y : tensor
        Measurements of one image.
    physics : deepinv.physics.LinearPhysics
    generator : torch.Generator

    Attributes
    ----------
    y : tensor
        What is learned from.
    physics : deepinv.physics.LinearPhysics
        Its operator and its noise.
    """

    def __init__(self, y, physics, generator):
        mask = measured(physics).to(y)
        sigma, gain = (
            float(noise_parameter(physics, y, name)[0]) for name in ("sigma", "gain")
        )
        self.whole = physics
        self.physics = copy.deepcopy(physics)
        if bool((mask == 0).any()):
            # Coils share a mask: what is held out of one is held out of all.
            shared = mask.ndim > physics.mask.ndim
            shape = mask.shape if shared else y.shape
            chance = torch.rand(shape, generator=generator).to(y)
            out = (chance < SHARE).to(y) * mask
            self.weight, self.other = out.expand_as(y), y
            self.y = y * (1 - out)
            kept = (1 - out).view_as(physics.mask) if shared else 1 - out
            self.physics.mask = physics.mask * kept
        elif gain > 0 and sigma == 0:
            counts = (y / gain).round().clamp(min=0)
            chance = torch.full_like(counts, SHARE)
            taken = binomial(counts, chance, generator)
            self.other = taken * (gain / SHARE)
            self.y = (counts - taken) * (gain / (1 - SHARE))
            self.weight = torch.ones_like(y)
            self.physics.noise_model = noise_model(0.0, gain / (1 - SHARE))
        else:
            level = noise_level(physics, y)
            noise = level * torch.randn(y.shape, generator=generator).to(y)
            self.other = y - noise / STRENGTH
            self.y = y + STRENGTH * noise
            self.weight = torch.ones_like(y)
            self.physics.noise_model = noise_model(
                (sigma**2 + (STRENGTH * level) ** 2) ** 0.5, gain
            )

    def error(self, x):
        """Mean squared error of A x on the held-out part; its noise is a constant."""
        difference = self.weight * (self.whole.A(x) - self.other)
        return float(difference.square().sum() / self.weight.sum())


def binomial(counts, chance, generator):
    """Binomial numbers; torch's distributions take no generator."""
    return torch.binomial(counts.cpu(), chance.cpu(), generator=generator).to(counts)
