"""Phantoms: generated images whose truth is known."""

import numpy as np
import skimage  # it imports its parts at the first use
import torch

from ..physics.gaussian_field import field
from .reading import SKIMAGE, Images, read_image

PHANTOM_SIZE = 128


def ellipses(seed, channels=1):
    """A random phantom: 6 to 14 ellipses in a disk, (1, channels, 128, 128).

    The magnitude is in [0, 1]. With two channels the image is complex, with a
    smooth random phase, as single-coil MRI sees it.
    """
    rng = np.random.RandomState(seed)
    u, v = fine_grid()
    inside = u**2 + v**2 < 0.9**2
    image = 0.25 * ((u / 0.85) ** 2 + (v / 0.7) ** 2 < 1)
    for _ in range(rng.randint(6, 15)):
        radius, direction = 0.6 * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        axes = rng.uniform(0.04, 0.35, size=2)
        angle, value = rng.uniform(0, np.pi), rng.uniform(-0.3, 0.6)
        du, dv = u - radius * np.cos(direction), v - radius * np.sin(direction)
        image = image + value * ellipse(du, dv, axes, angle)
    image = block_means(np.clip(image, 0, 1) * inside)
    x = torch.from_numpy(image)[None, None].float()
    if channels == 1:
        return x
    u, v = block_means(u), block_means(v)
    c = rng.uniform(-1, 1, size=5)
    phase = c[0] * u + c[1] * v + c[2] * u * v + c[3] * u**2 + c[4] * v**2
    phase = torch.from_numpy(phase)[None, None].float()
    return torch.cat((x * phase.cos(), x * phase.sin()), 1)


def fine_grid():
    """Coordinates from -1 to 1 along rows and columns of four times as many pixels.

    Means over blocks of them keep edges from aliasing.
    """
    fine = 4 * PHANTOM_SIZE
    axis = (np.arange(fine) + 0.5) / fine * 2 - 1
    return np.meshgrid(axis, axis)


def block_means(image):
    """An image on `fine_grid` with `PHANTOM_SIZE` pixels a side."""
    return image.reshape(PHANTOM_SIZE, 4, PHANTOM_SIZE, 4).mean((1, 3))


def ellipse(u, v, axes, angle):
    """Where points, given from the centre of an ellipse, are in it."""
    along = u * np.cos(angle) + v * np.sin(angle)
    across = v * np.cos(angle) - u * np.sin(angle)
    return (along / axes[0]) ** 2 + (across / axes[1]) ** 2 < 1


def phantoms(count, first_seed, channels=1):
    """`count` random phantoms with consecutive seeds."""
    names = [f"ellipses_{i}" for i in range(count)]
    return Images(
        names, lambda i: ellipses(first_seed + i, channels), complex=channels == 2
    )


def inclusions(seed):
    """A round tank with two or three ellipses in it, (1, 1, 128, 128) in [0, 1].

    The background is 0.5. An ellipse is 0.25 to 0.5 above or below it. The circles around
    the ellipses touch neither each other nor the wall of the tank, which touches the sides
    of the image.
    """
    rng = np.random.RandomState(seed)
    u, v = fine_grid()
    image, placed = np.full(u.shape, 0.5), []
    count = rng.randint(2, 4)
    while len(placed) < count:
        x, y = rng.uniform(-0.7, 0.7, size=2)
        axes = rng.uniform(0.2, 0.4, size=2)
        angle, value = rng.uniform(0, np.pi), rng.uniform(0.25, 0.5)
        sign, radius = 2 * rng.randint(2) - 1, axes.max()
        apart = all(np.hypot(x - p, y - q) > radius + r for p, q, r in placed)
        if apart and np.hypot(x, y) + radius < 0.95:
            placed.append((x, y, radius))
            image += sign * value * ellipse(u - x, v - y, axes, angle)
    return torch.from_numpy(block_means(image))[None, None].float()


def tanks(count, first_seed):
    """`count` tanks with random inclusions, of consecutive seeds."""
    names = [f"inclusions_{i}" for i in range(count)]
    return Images(names, lambda i: inclusions(first_seed + i))


def shepp_logan():
    """The Shepp-Logan phantom, (1, 1, 128, 128) in [0, 1]."""
    picture = read_image(SKIMAGE / "phantom.png")[0, 0].numpy()
    small = skimage.transform.resize(
        picture, (PHANTOM_SIZE, PHANTOM_SIZE), anti_aliasing=True
    )
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
