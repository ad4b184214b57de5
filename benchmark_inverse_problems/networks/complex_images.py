"""Networks for gray images on complex ones, whose two parts are two channels."""

import torch
from torch import nn


def by_parts(x, restore, peak=1.0):
    """A network for gray images in [0, 1] on a complex image, part by part.

    The real and the imaginary part are between -peak and peak. Both are moved to [0, 1],
    where noise has its level divided by 2 peak. Such a network has never seen negative
    values: without the move DPIR loses 6.6 dB on MRI x4 (48 iterations).

    Parameters
    ----------
    x : tensor (B, 2, H, W)
    restore : callable (B, 1, H, W) -> (B, 1, H, W)
    peak : float or tensor (B,)
    """
    peak = torch.as_tensor(peak, device=x.device).view(-1, 1, 1, 1)
    parts = [restore((part / peak + 1) / 2) for part in x.split(1, 1)]
    return peak * (2 * torch.cat(parts, 1) - 1)


class ComplexDenoiser(nn.Module):
    """A denoiser of gray images as one of complex images, `denoiser(x, sigma)`."""

    def __init__(self, denoiser):
        super().__init__()
        self.denoiser = denoiser

    def forward(self, x, sigma):
        return by_parts(x, lambda part: self.denoiser(part, sigma / 2))
