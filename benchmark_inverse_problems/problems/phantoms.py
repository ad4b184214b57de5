"""Phantoms: generated images whose truth is known."""

import numpy as np
import torch
from skimage.transform import resize

from ..physics.gaussian_field import field
from .reading import SKIMAGE, Images, read_image

PHANTOM_SIZE = 128


def ellipses(seed, channels=1):
    """A random phantom: 6 to 14 ellipses in a disk, (1, channels, 128, 128).

    The magnitude is in [0, 1]. With two channels the image is complex, with a
    smooth random phase, as single-coil MRI sees it.
    """
    rng = np.random.RandomState(seed)
    # Supersampling four times keeps the edges from aliasing.
    fine = 4 * PHANTOM_SIZE
    axis = (np.arange(fine) + 0.5) / fine * 2 - 1
    u, v = np.meshgrid(axis, axis)
    inside = u**2 + v**2 < 0.9**2
    image = 0.25 * ((u / 0.85) ** 2 + (v / 0.7) ** 2 < 1)
    for _ in range(rng.randint(6, 15)):
        radius, direction = 0.6 * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        a, b = rng.uniform(0.04, 0.35, size=2)
        angle, value = rng.uniform(0, np.pi), rng.uniform(-0.3, 0.6)
        du, dv = u - radius * np.cos(direction), v - radius * np.sin(direction)
        along = du * np.cos(angle) + dv * np.sin(angle)
        across = dv * np.cos(angle) - du * np.sin(angle)
        image = image + value * ((along / a) ** 2 + (across / b) ** 2 < 1)
    image = np.clip(image, 0, 1) * inside
    image = image.reshape(PHANTOM_SIZE, 4, PHANTOM_SIZE, 4).mean((1, 3))
    x = torch.from_numpy(image)[None, None].float()
    if channels == 1:
        return x
    u, v = (w.reshape(PHANTOM_SIZE, 4, PHANTOM_SIZE, 4).mean((1, 3)) for w in (u, v))
    c = rng.uniform(-1, 1, size=5)
    phase = c[0] * u + c[1] * v + c[2] * u * v + c[3] * u**2 + c[4] * v**2
    phase = torch.from_numpy(phase)[None, None].float()
    return torch.cat((x * phase.cos(), x * phase.sin()), 1)


def phantoms(count, first_seed, channels=1):
    """`count` random phantoms with consecutive seeds."""
    names = [f"ellipses_{i}" for i in range(count)]
    return Images(
        names, lambda i: ellipses(first_seed + i, channels), complex=channels == 2
    )


def shepp_logan():
    """The Shepp-Logan phantom, (1, 1, 128, 128) in [0, 1]."""
    picture = read_image(SKIMAGE / "phantom.png")[0, 0].numpy()
    small = resize(picture, (PHANTOM_SIZE, PHANTOM_SIZE), anti_aliasing=True)
    return torch.from_numpy(small)[None, None].float()


class Fields(Images):
    """Gray images of a Gaussian field, of a side that is chosen later."""

    def sized(self, side):
        """The images (1, 1, side, side)."""
        return Images(self.names, lambda index: self.make(index, side))


def gaussian_fields(count, first_seed):
    """Images of a Gaussian field, of consecutive seeds."""

    def make(index, side):
        rng = np.random.RandomState(first_seed + index)
        white = rng.standard_normal((1, 1, side, side))
        return field(torch.from_numpy(white).float())

    return Fields([f"field_{i}" for i in range(count)], make)
