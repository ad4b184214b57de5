"""How images are read: lazy sequences, files, folders, crops."""

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import skimage
import torch
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from ..judge.case import SSIM_SIDE

# Pillow reads more formats, some of them with a loss of bits that it does not tell.
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
# Tags of TIFF, and a value of the second.
BITS_PER_SAMPLE, SAMPLE_FORMAT, SIGNED = 258, 339, 2
SKIMAGE = Path(skimage.__file__).parent / "data"


class Images(Sequence):
    """A lazy sequence of (name, image): images are read or made on access.

    An image is a float32 tensor (1, C, *spatial) in [0, 1].

    Attributes
    ----------
    complex : bool
        Whether the two channels of an image are its real and its imaginary part.
    scan : callable (index, rng, settings) -> (physics, y), or None
        The operator, with its noise model, and the measurements of an image that was
        measured. None: the problem simulates them.
    hidden : bool
        Whether solvers are told the operator of the problem's task instead of the one that
        `scan` gives, which only the judge sees.
    """

    def __init__(self, names, make, complex=False, scan=None, hidden=False):
        self.names = list(names)
        self.make = make
        self.complex = complex
        self.scan = scan
        self.hidden = hidden

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        return self.names[index], self.make(index)

    def first(self, count):
        """The first `count` images ("all" for every one)."""
        names = self.names if count == "all" else self.names[: int(count)]
        return Images(names, self.make, self.complex, self.scan, self.hidden)


def read_image(path):
    """Read a picture as a colour image (1, 3, H, W) in [0, 1].

    Gray images get three equal channels, transparency is dropped, and the image is turned
    upright as its EXIF data say.

    Raises
    ------
    ValueError
        If the file is not an image, is damaged, is tiny or huge, has several pages, or holds
        more than 8 bits for each value.
    """
    try:
        # A plugin may have told Pillow to fill what is missing of a file with gray.
        whole = patch.object(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
        with whole, Image.open(path, formats=FORMATS) as image:
            check_picture(image, path)
            pixels = np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"The image {path} is too large to be read ({error}): cut it into parts."
        ) from error
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(
            f"The image {path} cannot be read ({error}): replace or remove it."
        ) from error
    if min(pixels.shape[:2]) < SSIM_SIDE:
        height, width = pixels.shape[:2]
        raise ValueError(
            f"The image {path} has {height}x{width} pixels, and SSIM needs {SSIM_SIDE} a side: "
            "use larger images."
        )
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def check_picture(image, path):
    """Raise a ValueError for a picture that would be read wrong."""
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError(
            f"The image {path} has {image.n_frames} pages and one is needed: save each "
            "page as a file."
        )
    tags = getattr(image, "tag_v2", {})  # of TIFF
    if SIGNED in tags.get(SAMPLE_FORMAT, ()):
        raise ValueError(
            f"The image {path} has signed pixels and is read as if they had no sign: convert "
            "it to an 8-bit PNG."
        )
    # Pillow drops the lower byte of 16-bit colours without a word.
    deep = any("16" in str(argument) for tile in image.tile for argument in tile[3:])
    deep = deep or any(bits > 8 for bits in tags.get(BITS_PER_SAMPLE, ()))
    if image.mode.startswith(("I", "F")) or deep:
        kind = f"16-bit {image.mode}" if deep else image.mode
        raise ValueError(
            f"The image {path} has {kind} pixels and only 8-bit images "
            "are supported: convert it to an 8-bit PNG."
        )


def from_paths(paths):
    """The images of some files, each with the stem of its file as its name."""
    paths = list(paths)
    return Images([p.stem for p in paths], lambda i: read_image(paths[i]))


@dataclass(frozen=True)
class Kind:
    """A kind of images: pictures or volumes.

    Attributes
    ----------
    description : str
        What files of a folder may be.
    suffixes : tuple of str
    sequence : callable (names, paths) -> Images
    generated : str
        A set of the kind that needs no folder.
    tuning : str
        The set that tunes solvers for a folder of this kind.
    parts : callable (path) -> list of path, or None
        All files of an image, where it has several. The path is that of the first one.
    select : callable (paths) -> list of path, or None
        Which of the sorted files with these suffixes are images, and in which order; None:
        all of them.
    """

    description: str
    suffixes: tuple
    sequence: Callable
    generated: str
    tuning: str
    parts: Callable | None = None
    select: Callable | None = None


def in_folder(folder, kind):
    """The images below a folder; each has its path in the folder as its name.

    What is skipped is said in a warning: files of other kinds and hidden ones.
    """
    folder = Path(folder)
    paths = image_paths(folder, kind)
    skipped = sorted(set(all_files(folder)) - set(paths))
    if skipped and kind.parts is None:
        names = ", ".join(str(path.relative_to(folder)) for path in skipped[:5])
        more = f" and {len(skipped) - 5} others" if len(skipped) > 5 else ""
        warnings.warn(
            f"{len(skipped)} files in {folder} are skipped, as they are hidden or not of a "
            f"known kind ({', '.join(sorted(kind.suffixes))}): {names}{more}.",
            stacklevel=2,
        )
    names = [path.relative_to(folder).as_posix() for path in paths]
    return kind.sequence(names, paths)


def pictures(names, paths):
    """The pictures of some files."""
    return Images(names, lambda i: read_image(paths[i]))


PICTURES = Kind(
    "PNG, JPEG, TIFF, WebP or BMP images",
    SUFFIXES,
    pictures,
    generated="bundled",
    tuning="tuning",
)


def image_paths(folder, kind=PICTURES):
    """Paths of the images below a folder, in order; hidden files are left out."""
    folder = Path(folder)
    paths = sorted(
        path
        for path in all_files(folder, hidden=False)
        if path.as_posix().lower().endswith(kind.suffixes)
        # A broken link is said when it is read.
        and (path.is_file() or not path.exists())
    )
    return paths if kind.select is None else kind.select(paths)


def all_files(folder, hidden=True):
    """The files below a folder, also those behind linked folders, each folder once.

    Of several ways to a folder the first counts: folders come before links, and then in the
    order of their names.
    """
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        if not hidden:
            folders[:] = [name for name in folders if not name.startswith(".")]
            files = [name for name in files if not name.startswith(".")]
        folders.sort(key=lambda name: ((Path(place) / name).is_symlink(), name))
        yield from (Path(place) / name for name in files)


def central_crop(x, crop, multiple=1):
    """The central part of images (B, C, *spatial): at most `crop` pixels a side.

    Sides are multiples of `multiple`; `crop` "none" keeps the whole image.
    """
    for axis, n in enumerate(x.shape[2:], start=2):
        side = n if crop == "none" else min(n, int(crop))
        side -= side % multiple
        x = x.narrow(axis, (n - side) // 2, side)
    return x
