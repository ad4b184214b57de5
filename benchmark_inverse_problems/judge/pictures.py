"""The pictures of one cell, small and safe to read: image files in a JSON text."""

import base64
import io
import json
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import pad

from ..physics.facts import compared, displayed, in_image_space, shows_phase
from .case import magnitude

SIDE = 256
# A result file keeps the pictures of so many images of a problem.
KEPT = 8
# The first image is kept as it is (PNG), the further ones as WebP of this quality.
QUALITY = 90
# Spreads and errors are shown so many times as large.
MAGNIFIED = 5


def galleries(reconstructions, problem):
    """The pictures of the first `KEPT` images of a problem as a JSON text.

    Parameters
    ----------
    reconstructions : list of Reconstruction
        Those whose pixels are gone, as after benchopt's cache, are left out.
    problem : Problem

    Returns
    -------
    str
        That of `gallery` for the first image. Its list "more" has the further images.
    """
    first, *more = (
        problem.visit(index, partial(drawn, item, lossless=index == 0))
        for index, item in enumerate(reconstructions[:KEPT])
        if item.x_hat is not None
    )
    return json.dumps(first | {"more": more})


def drawn(item, truth, observation, lossless):
    """The pictures of one reconstruction, as in `gallery`."""
    return entry(item.x_hat, truth, observation, item.spread, lossless)


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
        ``{"name", "aligned", "layout", "truth", "measurement", "reconstruction"}``, each
        picture a base64 PNG of the central 256x256 pixels. The layout is "", or says what
        is side by side. Where the phase is sought, it
        is at the right of the magnitude. With a spread there is
        "spread", five times the mean over the colours. A volume shows its three
        central slices side by side. Measurements that do not lie on the image's grid, such
        as k-space, are not aligned. A text, and not pickled arrays: a stranger's result file
        can then run no code.
    """
    return json.dumps(entry(x_hat, truth, observation, spread))


def entry(x_hat, truth, observation, spread=None, lossless=True):
    """The dict of `gallery`; WebP files instead of PNG files if it may lose something."""
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
    encode = to_png if lossless else to_webp
    pictures = {key: encode(picture(x)) for key, x in images.items()}
    known = {
        "name": observation.name,
        "aligned": in_image_space(observation.physics),
        "layout": layout(observation, phase),
    }
    return known | pictures


def layout(observation, phase):
    """What is side by side in a picture, as a text."""
    if len(observation.shape) == 5:
        return "the three central slices"
    if phase:
        return "magnitude and phase"
    return "magnitude" if observation.complex else ""


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
    return encoded(x, format="PNG", optimize=True)


def to_webp(x):
    """A (1, C, H, W) image in [0, 1] as a base64 WebP, which is smaller and not exact."""
    return encoded(x, format="WEBP", quality=QUALITY)


def encoded(x, **how):
    """A (1, C, H, W) image in [0, 1] as a base64 text; NaN is black."""
    pixels = (
        (x[0].nan_to_num().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    )
    buffer = io.BytesIO()
    Image.fromarray(np.squeeze(pixels)).save(buffer, **how)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
