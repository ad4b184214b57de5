"""The stored pictures of a result file."""

import base64
import io
import json
from functools import lru_cache

import numpy as np
from PIL import Image

from .memory import remembered

# The column of the stored pictures.
PICTURES = "final_results"
FRAME = (1.0, 0.8, 0.0)
# A page has about so many pictures of reconstructions: it stays below 12 MB.
ROOM = 450


@lru_cache(maxsize=64)  # a page shows the pictures of one problem in several views
def from_png(text):
    """Pixels (H, W) or (H, W, 3) in [0, 1] of a base64 PNG or WebP."""
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return np.asarray(image) / 255


def stored_entries(text):
    """The pictures of the images of a cell, [{name: value}], first image first."""
    first = json.loads(text)
    entries = [first, *first.pop("more", ())]
    return [{"aligned": True, "layout": ""} | entry for entry in entries]


@remembered
def stored_cells(df):
    """The cells with stored pictures, a list of (solver, `stored_entries`)."""
    if PICTURES not in df:
        return []
    cells = df[["solver_name", PICTURES]].dropna()
    return [
        (solver, stored_entries(text))
        for solver, text in cells.itertuples(index=False, name=None)
    ]


def have_spreads(df):
    """Whether a stored entry of some results has a spread."""
    return any("spread" in entries[0] for _, entries in stored_cells(df))


def image_numbers(df):
    """The numbers "1", "2", ... of the images that a page shows of each problem.

    They are those that the results keep, if the page does not grow beyond about `ROOM`
    pictures.
    """
    stored = stored_cells(df)
    kept = max((len(entries) for _, entries in stored), default=1)
    count = min(kept, max(1, ROOM // max(1, len(stored))))
    return [str(number) for number in range(1, count + 1)]


@remembered
def stored_pictures(rows, place=0):
    """The stored pictures of each solver, best reconstruction first.

    Parameters
    ----------
    rows : DataFrame
        As `last_rows` returns them.
    place : int
        The number of the image among the stored ones, from 0.

    Returns
    -------
    list of (solver, dict, float)
        The dict holds the image's name and the base64 files of the truth, the
        measurement, the reconstruction and, if there is one, its spread. Its entry
        "aligned" says whether the measurement is aligned with the image (k-space is
        not), "layout" what is side by side in the pictures. The number is the PSNR of that
        image. Solvers without that image are left out.
    """
    psnr = rows.groupby(["solver_name", "objective_image"])["objective_psnr"].mean()
    found = [
        (solver, entries[place], psnr.get((solver, entries[place]["name"]), np.nan))
        # Of several runs of a solver the last one.
        for solver, entries in dict(stored_cells(rows)).items()
        if place < len(entries)
    ]
    return sorted(found, key=lambda item: -np.nan_to_num(item[2], nan=-np.inf))


def detail(truth):
    """The square of the truth with the most contrast: (top, left, side).

    Its side is about a quarter of the truth's.
    """
    gray = truth if truth.ndim == 2 else truth.mean(axis=2)
    side = max(4, min(gray.shape) // 16 * 4)
    windows = np.lib.stride_tricks.sliding_window_view(gray, (side, side))
    contrast = windows[:: side // 4, :: side // 4].std(axis=(2, 3))
    top, left = np.unravel_index(contrast.argmax(), contrast.shape)
    return int(top) * (side // 4), int(left) * (side // 4), side


def zoom(image, place, shape):
    """The pixels of a detail.

    Parameters
    ----------
    image : array (H, W) or (H, W, 3)
        A picture on the truth's grid or on a coarser one. Other pictures stay whole.
    place : (top, left, side)
        In pixels of the truth.
    shape : tuple
        The truth's.
    """
    factor = max(1, shape[0] // image.shape[0])
    if (image.shape[0] * factor, image.shape[1] * factor) != shape[:2]:
        return image
    top, left, side = (n // factor for n in place)
    return image[top : top + side, left : left + side]


def framed(image, place):
    """A picture as colours, with a frame around a detail."""
    image = np.array(np.broadcast_to(image.T, (3, *image.shape[1::-1])).T)
    top, left, side = place
    inside = np.zeros(image.shape[:2], bool)
    inside[top : top + side, left : left + side] = True
    width = max(1, side // 16)
    inside[top + width : top + side - width, left + width : left + side - width] = False
    image[inside] = FRAME
    return image


def error_map(estimate, truth):
    """5 |x_hat - x|, the mean over the colours, as a gray image."""
    error = np.clip(5 * np.abs(estimate - truth), 0, 1)
    return error if error.ndim == 2 else error.mean(axis=2)
