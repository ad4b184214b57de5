"""Batches of random patches, a function of (seed, step) alone."""

from pathlib import Path

import numpy as np
import torch
from skimage.io import imread
from torch.nn.functional import conv2d

# ITU-R BT.601 weights of the gray image, as skimage and MATLAB use them.
LUMA = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
HELD_OUT = 8


class PatchSampler:
    """Random patches of the images of some folders.

    The last `HELD_OUT` images (sorted by path) are kept for validation. A batch
    depends only on the seed and the step, so a resumed training sees the
    batches that an uninterrupted one would have seen.

    Parameters
    ----------
    folders : list of path
        Folders of colour images (PNG or JPEG), searched recursively.
    patch : int
        Side of the square patches.
    seed : int

    Raises
    ------
    ValueError
        If the folders hold too few images.
    """

    def __init__(self, folders, patch=64, seed=0):
        paths = sorted(
            path
            for folder in folders
            for path in Path(folder).rglob("*")
            if path.suffix.lower() in {".png", ".jpg", ".jpeg"}
        )
        if len(paths) <= HELD_OUT:
            raise ValueError(
                f"Training needs more than {HELD_OUT} images and found {len(paths)} in "
                f"{[str(folder) for folder in folders]}: give other folders with --data."
            )
        images = [imread(path)[..., :3] for path in paths]
        self.images, self.held_out = images[:-HELD_OUT], images[-HELD_OUT:]
        self.patch = patch
        self.seed = seed

    def rng(self, step):
        """The random numbers of one step."""
        return np.random.RandomState([self.seed, step])

    def batch(self, rng, size, channels):
        """Patches (size, channels, patch, patch) in [0, 1], flipped and transposed at random."""
        patches = [self._patch(rng) for _ in range(size)]
        x = torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2).float() / 255
        return x if channels == 3 else to_gray(x)

    def _patch(self, rng):
        image = self.images[rng.randint(len(self.images))]
        row, column = (rng.randint(n - self.patch + 1) for n in image.shape[:2])
        patch = image[row : row + self.patch, column : column + self.patch]
        flips, transpose = rng.randint(2, size=2), rng.randint(2)
        patch = patch[:: 1 - 2 * flips[0], :: 1 - 2 * flips[1]]
        return patch.swapaxes(0, 1) if transpose else patch

    def validation(self, channels, crop=256):
        """The held-out images, (HELD_OUT, channels, crop, crop) central crops in [0, 1]."""
        crops = []
        for image in self.held_out:
            row, column = ((n - crop) // 2 for n in image.shape[:2])
            crops.append(image[row : row + crop, column : column + crop])
        x = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 255
        return x if channels == 3 else to_gray(x)


def to_gray(x):
    """Luma of colour images (B, 3, H, W), as (B, 1, H, W)."""
    return conv2d(x, LUMA.to(x))
