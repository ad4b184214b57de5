"""Measured camera shake: blurred photographs, and sharp frames of the camera's path."""

import re
from functools import cached_property

import skimage  # it imports its parts at the first use
import torch

from ..physics.noise import noise_model
from ..physics.operators.camera_shake import CameraShake
from .reading import Kind, central_crop, read_image
from .scans import Scan, Scans

SCENES, PATHS = range(1, 5), range(1, 13)
NUMBERS = re.compile(r"(\d+)_(\d+)(?:_(\d+))?\.png$", re.IGNORECASE)


class Shake(Scan):
    """A photograph of the data set of Köhler et al., taken while the camera moved.

    R. Köhler et al., "Recording and Playback of Camera Shake: Benchmarking Blind
    Deconvolution with a Real-World Database", ECCV 2012. A robot played back how a person
    had shaken a camera. About 200 sharp frames were taken along its path. The judge takes
    the frame that is closest to the estimate, see `CameraShake`. The truth that is shown is
    the middle one.

    Parameters
    ----------
    path : path
        ``BlurryI_J.png``, scene I of path J; the frames are ``ImageI/KernelJ/*.png``.
    side : int or "none"

    Raises
    ------
    ValueError
        If files are missing or damaged, or differ in size.
    """

    def __init__(self, path, side):
        self.path, self.side = path, side
        self.y = self.read(path)
        self.paths = frames_of(path)
        if not self.paths:
            scene, number = numbers(path)[:2]
            raise ValueError(
                f"The photograph {path} has no sharp frames: put them into "
                f"{path.parent / f'Image{scene}' / f'Kernel{number}'}."
            )
        self.x = self.read(self.paths[(len(self.paths) - 1) // 2])
        if self.x.shape != self.y.shape:
            raise ValueError(
                f"The photograph {path} differs in size from its sharp frames: download "
                "both again."
            )

    def read(self, path):
        """The central part of a picture, (1, 3, H, W)."""
        return central_crop(read_image(path), self.side)

    @cached_property
    def frames(self):
        """All sharp frames, (N, 3, H, W), in [0, 255]."""
        return torch.cat([(255 * self.read(p)).round().byte() for p in self.paths])

    def measured(self, rng, **_):
        physics = CameraShake(self.frames)
        sigma = skimage.restoration.estimate_sigma(
            self.y[0].numpy(), average_sigmas=True, channel_axis=0
        )
        physics.noise_model = noise_model(float(sigma))
        return physics, self.y


def numbers(path):
    """Scene, path of the camera and, of a frame, its number."""
    return tuple(int(n) for n in NUMBERS.search(path.name).groups() if n is not None)


def frames_of(path):
    """The sharp frames of a photograph, in the order of time."""
    scene, number = numbers(path)
    folder = path.parent / f"Image{scene}" / f"Kernel{number}"
    return sorted(folder.glob(f"GroundTruth{scene}_{number}_*.png"), key=numbers)


def shakes(names, paths):
    """The photographs of some files, each with the stem of its file as its name."""
    stems = [path.stem for path in paths]
    operator = "random_varying_blur"
    return Scans(stems, lambda i, side: Shake(paths[i], side), operator, hidden=True)


KOHLER = Kind(
    "the files Blurry*_*.png of Köhler et al., with the folders Image*/Kernel*",
    tuple(f"blurry{i}_{j}.png" for i in SCENES for j in PATHS),
    shakes,
    generated="bundled",
    tuning="tuning",
    parts=lambda path: [path, *frames_of(path)],
    select=lambda paths: sorted(paths, key=numbers),
)
