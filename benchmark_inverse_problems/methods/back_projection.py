"""Filtered back-projection with a window."""

import torch

from ..physics.initial_estimate import direct_inverse
from ..support.checks import check_known

# Factors of the ramp filter at the frequencies f, from 0 to 1/2 cycles a detector.
WINDOWS = {
    "none": torch.ones_like,
    "hann": lambda f: (1 + torch.cos(2 * torch.pi * f)) / 2,
    "cosine": lambda f: torch.cos(torch.pi * f),
}


def filtered_back_projection(y, physics, window="none"):
    """deepinv's filtered back-projection of parallel beams, with a window on the ramp.

    Parameters
    ----------
    y : tensor (B, 1, detectors, angles)
    physics : deepinv.physics.Tomography
    window : {"none", "hann", "cosine"}
        A narrower filter removes noise and detail.

    Returns
    -------
    tensor (B, 1, H, W)

    Raises
    ------
    ValueError
        If the window is not known.
    """
    check_known("window", window, WINDOWS)
    detectors = y.shape[2]
    # Twice the detectors: the filter must not reach around the border.
    f = torch.fft.rfftfreq(2 * detectors, device=y.device)
    factors = WINDOWS[window](f)[:, None]
    seen = torch.fft.rfft(y, n=2 * detectors, dim=2) * factors
    smooth = torch.fft.irfft(seen, n=2 * detectors, dim=2)[:, :, :detectors]
    return direct_inverse(physics, smooth)
