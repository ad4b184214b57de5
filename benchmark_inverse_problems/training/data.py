"""Batches of random images, which depend on the seed and the step only."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from skimage.io import imread

from ..problems.images import to_gray
from ..problems.phantoms import PHANTOM_SIZE, ellipses
from ..problems.volumes import ellipsoids, leaves

HELD_OUT = 8
# Far from the seeds of the phantoms that are scored and tuned on.
FIRST_PHANTOM = 100_000


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
        self.folders, self.patch, self.seed = folders, patch, seed

    @property
    def description(self):
        """What the training data is, for the weights' JSON."""
        return f"{len(self.images)} colour images, random {self.patch}x{self.patch} patches"

    def rng(self, step):
        """The random numbers of one step."""
        return step_rng(self.seed, step)

    def __reduce__(self):
        # A worker process reads the images itself, because sending them takes longer.
        return PatchSampler, (self.folders, self.patch, self.seed)

    def batch(self, rng, size, channels, patch=None):
        """Patches (size, channels, patch, patch) in [0, 1], flipped and transposed at random.

        Parameters
        ----------
        rng : numpy.random.RandomState
        size : int
        channels : {1, 3}
        patch : int, optional
            Side of the patches. The default is the sampler's.
        """
        patches = [self._patch(rng, patch or self.patch) for _ in range(size)]
        x = stack(patches).float() / 255
        return x if channels == 3 else to_gray(x)

    def _patch(self, rng, side):
        image = self.images[rng.randint(len(self.images))]
        row, column = (rng.randint(n - side + 1) for n in image.shape[:2])
        return turned(rng, image[row : row + side, column : column + side])

    def validation(self, channels, crop=256):
        """The held-out images, (HELD_OUT, channels, crop, crop) central crops in [0, 1]."""
        crops = []
        for image in self.held_out:
            row, column = ((n - crop) // 2 for n in image.shape[:2])
            crops.append(image[row : row + crop, column : column + crop])
        x = stack(crops).float() / 255
        return x if channels == 3 else to_gray(x)


class PhantomSampler:
    """Random phantoms of ellipses, 128x128, turned and flipped at random.

    They come from other seeds than the phantoms of the suite's problems. A phantom is
    made when it is first drawn, and kept. A batch depends only on the seed and the
    step.

    Parameters
    ----------
    channels : int
        1 for real phantoms, 2 for complex ones.
    count : int
        Number of phantoms to train on. `HELD_OUT` other phantoms are for validation.
    seed : int
    """

    def __init__(self, channels=1, count=2048, seed=0):
        self.channels, self.count, self.seed = channels, count, seed
        self.phantom = cache(self._phantom)

    @property
    def description(self):
        """What the training data is, for the weights' JSON."""
        size = f"{PHANTOM_SIZE}x{PHANTOM_SIZE}"
        kind = "complex" if self.channels == 2 else "real"
        return f"{self.count} {kind} phantoms of random ellipses, {size}"

    def rng(self, step):
        """The random numbers of one step."""
        return step_rng(self.seed, step)

    def __reduce__(self):
        # A worker process makes the phantoms that it draws.
        return PhantomSampler, (self.channels, self.count, self.seed)

    def _phantom(self, index):
        x = ellipses(FIRST_PHANTOM + index, self.channels)
        return x[0].permute(1, 2, 0).numpy()

    def batch(self, rng, size):
        """Phantoms (size, channels, 128, 128)."""
        drawn = rng.randint(self.count, size=size)
        return stack([turned(rng, self.phantom(i)) for i in drawn])

    def validation(self):
        """The held-out phantoms, (HELD_OUT, channels, 128, 128)."""
        return stack([self.phantom(self.count + i) for i in range(HELD_OUT)])


class VolumeSampler:
    """Random volumes, each turned and flipped at random.

    Every other one is a phantom of ellipsoids, the rest are leaves that fill the cube. They
    come from other seeds than the phantoms of the suite's problems.

    Parameters
    ----------
    count : int
        Number of phantoms to train on; those after them are for validation.
    seed : int
    """

    def __init__(self, count=4000, seed=0):
        self.count, self.seed = count, seed

    @property
    def description(self):
        """What the training data is, for the weights' JSON."""
        return (
            f"{self.count} volumes of random ellipsoids, every other one full of them"
        )

    def rng(self, step):
        """The random numbers of one step."""
        return step_rng(self.seed, step)

    def volume(self, rng, side):
        """A volume (1, 1, side, side, side)."""
        x = self.made(rng.randint(self.count), side)
        x = x.permute(0, 1, *(2 + rng.permutation(3)))
        return x.flip([axis for axis in (2, 3, 4) if rng.randint(2)])

    def validation(self, index, side):
        """A held-out volume."""
        return self.made(self.count + index, side)

    def made(self, index, side):
        return (leaves if index % 2 else ellipsoids)(FIRST_PHANTOM + index, side)


def step_rng(seed, step):
    """The random numbers of one step of a training."""
    return np.random.RandomState([seed, step])


def validation_rng(draw=0):
    """The random numbers of validation, which do not depend on the seed of the batches.

    The scores of two trainings can be compared only on the same masks, kernels and
    noise. Another mask alone changes the PSNR of MRI by several dB.
    """
    return step_rng(0, 2**31 + draw)


def stack(images):
    """A batch (B, C, H, W) of arrays (H, W, C)."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def turned(rng, x):
    """One of the eight flips and rotations of an image (H, W, ...), at random."""
    flips, transpose = rng.randint(2, size=2), rng.randint(2)
    x = x[:: 1 - 2 * flips[0], :: 1 - 2 * flips[1]]
    return x.swapaxes(0, 1) if transpose else x


def to_complex(rng, x):
    """Gray images (B, 1, H, W) with a smooth random phase, as two channels."""
    rows, columns = (torch.linspace(-1, 1, n) for n in x.shape[2:])
    offset, slope, tilt = torch.from_numpy(
        rng.uniform(-3, 3, (3, len(x), 1, 1))
    ).float()
    phase = (offset + slope * rows[:, None] + tilt * columns).unsqueeze(1)
    return torch.cat((x * phase.cos(), x * phase.sin()), 1)
