"""The pictures of a page as WebP files in its text."""

import base64
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

QUALITY = 82


class Encoded:
    """Pictures that are encoded beside the page's other work, each of them once."""

    def __init__(self):
        self.found = {}
        self.pool = ThreadPoolExecutor()  # Pillow's encoder needs no interpreter lock

    def number(self, picture):
        """What a page says instead of a picture: ``@`` and a number.

        Parameters
        ----------
        picture : array (H, W) or (H, W, 3)
            In [0, 1]; values outside are clipped.
        """
        pixels = (np.clip(picture, 0, 1) * 255).astype(np.uint8)
        # The shape too: the same bytes may be two pictures.
        key = pixels.shape, hashlib.sha256(pixels.tobytes()).digest()
        if key not in self.found:
            work = self.pool.submit(address, pixels)
            self.found[key] = f"@{len(self.found)}", work
        return self.found[key][0]

    def addresses(self):
        """The address of each picture, ``data:image/webp;base64,...``, by its number."""
        return [work.result() for _, work in self.found.values()]


def address(pixels):
    """Bytes (H, W) or (H, W, 3) as the address of a WebP picture."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, format="WEBP", quality=QUALITY)
    return (
        f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
    )
