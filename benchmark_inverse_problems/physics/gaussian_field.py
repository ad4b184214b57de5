"""Stationary Gaussian fields: images whose covariance is known."""

import torch

# Mean and standard deviation of the images, so that nearly all values are in [0, 1].
MEAN, DEVIATION = 0.5, 0.15
# The power spectrum falls as a power of the frequency above `KNEE` cycles a pixel, as that
# of photographs does.
KNEE, POWER = 0.02, 3.0


def spectrum(spatial, deviation=DEVIATION):
    """The power spectrum of images (..., *spatial): eigenvalues of their covariance C.

    It is deviation^2 (1 + (f / KNEE)^2)^(-POWER / 2) at the frequency f, scaled to a mean of
    deviation^2. Fields are periodic.

    Returns
    -------
    tensor (*spatial)
    """
    axes = [torch.fft.fftfreq(n, dtype=torch.float64) for n in spatial]
    squared = sum(part.square() for part in torch.meshgrid(*axes, indexing="ij"))
    power = (1 + squared / KNEE**2) ** (-POWER / 2)
    return (deviation**2 * power / power.mean()).float()


def multiply(x, values):
    """F^-1 diag(values) F x over the spatial axes of values."""
    axes = tuple(range(-values.ndim, 0))
    return torch.fft.ifftn(
        torch.fft.fftn(x, dim=axes) * values.to(x.device), dim=axes
    ).real


def field(white, deviation=DEVIATION):
    """Images of the field, of white noise (B, C, *spatial); channels are independent."""
    values = spectrum(white.shape[2:], deviation)
    return MEAN + multiply(white, values.sqrt())
