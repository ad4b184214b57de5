"""Stationary Gaussian fields: images whose covariance is known."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Law:
    """The mean and the covariance of a field.

    The power spectrum at the frequency f is (1 + (f / knee)^2)^(-power / 2) times a
    constant. Above the knee it falls as a power of f, as that of photographs does (D.
    Field, "Relations Between the Statistics of Natural Images and the Response
    Properties of Cortical Cells", J. Opt. Soc. Am. A 1987).

    Attributes
    ----------
    deviation : float
        Standard deviation of the images.
    knee : float
        Cycles a pixel.
    power : float
    mean : float
    """

    deviation: float
    knee: float
    power: float
    mean: float = 0.5


# The law of the problem `gaussian_field`. Nearly all its values are in [0, 1].
FIELD = Law(0.15, 0.02, 3.0)
MEAN, DEVIATION = FIELD.mean, FIELD.deviation


def frequencies(spatial):
    """The squared length of the frequencies of images (..., *spatial), (*spatial)."""
    axes = [torch.fft.fftfreq(n, dtype=torch.float64) for n in spatial]
    return sum(part.square() for part in torch.meshgrid(*axes, indexing="ij"))


def decay(squared, law):
    """The power spectrum at some squared frequencies, 1 at zero."""
    return (1 + squared / law.knee**2) ** (-law.power / 2)


def spectrum(spatial, deviation=DEVIATION, law=FIELD):
    """The power spectrum of images (..., *spatial): eigenvalues of their covariance C.

    It is that of the law, scaled to a mean of deviation^2. Fields are periodic.

    Returns
    -------
    tensor (*spatial)
    """
    power = decay(frequencies(spatial), law)
    return (deviation**2 * power / power.mean()).float()


def multiply(x, values):
    """F^-1 diag(values) F x over the spatial axes of values."""
    axes = tuple(range(-values.ndim, 0))
    return torch.fft.ifftn(
        torch.fft.fftn(x, dim=axes) * values.to(x.device), dim=axes
    ).real


def field(white, deviation=DEVIATION, law=FIELD):
    """Images of the field, of white noise (B, C, *spatial); channels are independent."""
    values = spectrum(white.shape[2:], deviation, law)
    return law.mean + multiply(white, values.sqrt())
