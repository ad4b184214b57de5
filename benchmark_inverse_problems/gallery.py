"""The pictures of one cell, small and safe to read: PNG files in a JSON text."""

import base64
import io
import json

import numpy as np
from PIL import Image

from .judging import magnitude

SIDE = 256


def gallery(x_hat, truth, observation):
    """Truth, measurement and reconstruction of one image as a JSON text.

    Parameters
    ----------
    x_hat, truth : tensor (1, C, H, W)
    observation : Observation

    Returns
    -------
    str
        ``{"name", "aligned", "truth", "measurement", "reconstruction"}``, each
        picture a base64 PNG of the central 256x256 pixels; k-space is not aligned
        with the image. A text, and not pickled arrays, so that a stranger's result
        file can run no code.
    """
    pictures = {"truth": truth, "reconstruction": x_hat}
    pictures = {key: to_png(central(magnitude(x))) for key, x in pictures.items()}
    pictures["measurement"] = to_png(central(viewable(observation)))
    labels = {"name": observation.name, "aligned": observation.y.shape[1] != 2}
    return json.dumps(labels | pictures)


def central(x):
    """The central square of at most SIDE pixels."""
    starts = [max(0, (n - SIDE) // 2) for n in x.shape[-2:]]
    return x[..., starts[0] : starts[0] + SIDE, starts[1] : starts[1] + SIDE]


def viewable(observation):
    """The measurements as a picture: k-space in log magnitude, sinograms stretched."""
    y = observation.y
    if y.shape[1] == 2:
        y = (magnitude(y) + 1e-3).log()
    if y.shape[-2:] == observation.shape[-2:] and y.shape[1] == 3:
        return y
    if y.shape[1] in (1, 2) or float(y.max()) > 1.5:
        low, high = float(y.min()), float(y.max())
        return (y - low) / max(high - low, 1e-12)
    return y


def to_png(x):
    """A (1, C, H, W) image in [0, 1] as a base64 PNG."""
    pixels = (x[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(np.squeeze(pixels)).save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
