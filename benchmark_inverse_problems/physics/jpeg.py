"""JPEG compression as a degradation, and the bundled network that undoes it."""

import io

import deepinv as dinv
import numpy as np
import torch
from PIL import Image


def compress(x, qualities):
    """Images as they come out of a JPEG file (Pillow's encoder, colours at half size).

    Parameters
    ----------
    x : Tensor
        Images (B, C, H, W), C = 1 or 3; values are clamped to [0, 1] and rounded to
        8 bits first.
    qualities : sequence of int
        JPEG quality of each image, 1 to 100.

    Returns
    -------
    Tensor
        Like x, in [0, 1].

    Raises
    ------
    ValueError
        If the images are neither gray nor in colour, or a quality is out of range.
    """
    if x.shape[1] not in (1, 3):
        raise ValueError(
            f"JPEG holds images with 1 or 3 channels and got one with {x.shape[1]}: "
            "compress its channels one by one."
        )
    if any(quality not in range(1, 101) for quality in qualities):
        raise ValueError(
            f"JPEG qualities are whole numbers from 1 to 100, got {list(qualities)}."
        )
    pixels = (255 * x.clamp(0, 1)).round().byte().movedim(1, -1).cpu().numpy()
    decoded = []
    for image, quality in zip(pixels, qualities, strict=True):
        file = io.BytesIO()
        image = Image.fromarray(image if x.shape[1] == 3 else image[..., 0])
        image.save(file, "JPEG", quality=quality)
        decoded.append(np.array(Image.open(file)).reshape(pixels.shape[1:]))
    return torch.from_numpy(np.stack(decoded)).movedim(-1, 1).to(x) / 255


class JPEG(dinv.physics.Physics):
    """y = JPEG(x) + noise, the degradation that the FiRe slides give SCUNet.

    The noise comes last, as in y = A(x) + w; the code of FiRe's authors compresses the
    noisy image instead.

    Parameters
    ----------
    quality : int
        See `compress`.
    """

    def __init__(self, quality):
        super().__init__()
        self.quality = quality

    def A(self, x, **kwargs):
        return compress(x, [self.quality] * len(x))
