"""Networks for gray images, applied to complex images of two channels."""

import torch
from torch import nn


def by_parts(x, restore, peak=1.0):
    """Apply a network for gray images in [0, 1] to each part of a complex image.

    The real and the imaginary part are mapped linearly from [-peak, peak] to [0, 1].
    The map divides the noise level by 2 peak. It is needed because such networks have
    never seen negative values. Without it DPIR loses 6.6 dB on MRI x4 (48 iterations).

    Parameters
    ----------
    x : tensor (B, 2, H, W)
        The real and the imaginary part.
    restore : callable (B, 1, H, W) -> (B, 1, H, W)
    peak : float or tensor (B,)
        Largest absolute value of a part.
    """
    peak = torch.as_tensor(peak, device=x.device).view(-1, 1, 1, 1)
    parts = [restore((part / peak + 1) / 2) for part in x.split(1, 1)]
    return peak * (2 * torch.cat(parts, 1) - 1)


class ComplexDenoiser(nn.Module):
    """A denoiser of complex images, made of a denoiser of gray images.

    `denoiser(x, sigma)` takes images (B, 2, H, W) whose parts are in [-1, 1].
    """

    def __init__(self, denoiser):
        super().__init__()
        self.denoiser = denoiser

    def forward(self, x, sigma):
        return by_parts(x, lambda part: self.denoiser(part, sigma / 2))
