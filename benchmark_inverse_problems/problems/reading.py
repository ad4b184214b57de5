"""How images are read: lazy sequences, files, folders, crops."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import skimage
import torch
from PIL import Image, UnidentifiedImageError

SUFFIXES = {".png", ".jpg", ".jpeg"}
SKIMAGE = Path(skimage.__file__).parent / "data"


class Images(Sequence):
    """A lazy sequence of (name, image): images are read or made on access.

    An image is a float32 tensor (1, C, *spatial) in [0, 1].

    Attributes
    ----------
    complex : bool
        Whether the two channels of an image are its real and its imaginary part.
    """

    def __init__(self, names, make, complex=False):
        self.names = list(names)
        self.make = make
        self.complex = complex

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        return self.names[index], self.make(index)

    def first(self, count):
        """The first `count` images ("all" for every one)."""
        names = self.names if count == "all" else self.names[: int(count)]
        return Images(names, self.make, self.complex)


def read_image(path):
    """Read a PNG or JPEG as a colour image (1, 3, H, W) in [0, 1].

    Gray images get three equal channels, transparency is dropped.

    Raises
    ------
    ValueError
        If the file is not an image, is damaged, or holds more than 8 bits.
    """
    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise ValueError(
                    f"The image {path} has {image.mode} pixels and only 8-bit images "
                    "are supported: convert it to an 8-bit PNG."
                )
            pixels = np.array(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(
            f"The image {path} cannot be read ({error}): replace or remove it."
        ) from error
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def from_paths(paths):
    """The images of some files."""
    paths = list(paths)
    return Images([p.stem for p in paths], lambda i: read_image(paths[i]))


def image_paths(folder):
    """Paths of the PNG and JPEG files below a folder, sorted."""
    return sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in SUFFIXES)


def central_crop(x, crop, multiple=1):
    """The central part of images (B, C, *spatial): at most `crop` pixels a side.

    Sides are multiples of `multiple`; `crop` "none" keeps the whole image.
    """
    for axis, n in enumerate(x.shape[2:], start=2):
        side = n if crop == "none" else min(n, int(crop))
        side -= side % multiple
        x = x.narrow(axis, (n - side) // 2, side)
    return x
