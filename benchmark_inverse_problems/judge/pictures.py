"""The pictures of one cell, small and safe to read: PNG files in a JSON text."""

import base64
import io
import json

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import pad

from ..physics.facts import compared, displayed, in_image_space, shows_phase
from .case import magnitude

SIDE = 256
# Spreads and errors are shown so many times as large.
MAGNIFIED = 5


def gallery(x_hat, truth, observation, spread=None):
    """Truth, measurement and reconstruction of one image as a JSON text.

    Parameters
    ----------
    x_hat, truth : tensor (1, C, *spatial)
    observation : Observation
    spread : tensor (1, C, *spatial) or None

    Returns
    -------
    str
        ``{"name", "aligned", "truth", "measurement", "reconstruction"}``, each
        picture a base64 PNG of the central 256x256 pixels. Where the phase is sought, it
        is at the right of the magnitude. With a spread there is
        "spread", five times the mean over the colours. A volume shows its three
        central slices side by side. Measurements that do not lie on the image's grid, such
        as k-space, are not aligned. A text, and not pickled arrays: a stranger's result file
        can then run no code.
    """
    estimate, truth = compared(observation.physics, x_hat.to(truth), truth)
    images = {"truth": truth, "reconstruction": estimate}
    phase = observation.complex and shows_phase(observation.physics)
    images = {
        key: with_phase(x) if phase else magnitude(x, observation.complex)
        for key, x in images.items()
    }
    images["measurement"] = displayed(observation.physics, observation.y)
    if spread is not None:
        whole = magnitude(spread.cpu(), observation.complex)
        images["spread"] = MAGNIFIED * whole.mean(1, keepdim=True)
    pictures = {key: to_png(picture(x)) for key, x in images.items()}
    entry = {"name": observation.name}
    entry["aligned"] = in_image_space(observation.physics)
    return json.dumps(entry | pictures)


def with_phase(x):
    """Magnitude and phase of a complex image (1, 2, H, W), side by side, in [0, 1]."""
    turns = torch.atan2(x[:, 1:], x[:, :1]) / (2 * torch.pi) + 0.5
    return torch.cat((central(magnitude(x, True)), central(turns)), -1)


def picture(x):
    """The central part of an image, or of the three central slices of a volume."""
    slices = central_slices(x) if x.ndim == 5 else [x]
    slices = [central(part) for part in slices]
    height = max(part.shape[-2] for part in slices)
    # Slices of one volume may differ in height.
    padded = [pad(part, (0, 0, 0, height - part.shape[-2])) for part in slices]
    return torch.cat(padded, -1)


def central_slices(x):
    """The three slices (1, C, a, b) through the centre of a volume (1, C, D, H, W)."""
    return [x.select(axis, x.shape[axis] // 2) for axis in (2, 3, 4)]


def central(x):
    """The central square of at most SIDE pixels."""
    starts = [max(0, (n - SIDE) // 2) for n in x.shape[-2:]]
    return x[..., starts[0] : starts[0] + SIDE, starts[1] : starts[1] + SIDE]


def to_png(x):
    """A (1, C, H, W) image in [0, 1] as a base64 PNG; NaN is black."""
    pixels = (
        (x[0].nan_to_num().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    )
    buffer = io.BytesIO()
    Image.fromarray(np.squeeze(pixels)).save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
