"""Image sets as data: what they are, where they come from, how they are read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import deepinv as dinv
import matplotlib
import numpy as np
import skimage
import torch
from PIL import Image, UnidentifiedImageError
from skimage.transform import resize

SUFFIXES = {".png", ".jpg", ".jpeg"}
PHANTOM_SIZE = 128
SKIMAGE = Path(skimage.__file__).parent / "data"
MATPLOTLIB = Path(matplotlib.get_data_path()) / "sample_data"

# Both lists are frozen: scores are comparable only on the same images, in the
# same order. The tuning images are never scored, the test images never tuned on.
BUNDLED_TEST = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg") + (
    "ihc.png",
    "hubble_deep_field.jpg",
)
BUNDLED_TUNING = (
    SKIMAGE / "motorcycle_left.png",
    MATPLOTLIB / "grace_hopper.jpg",
    SKIMAGE / "retina.jpg",
    SKIMAGE / "camera.png",
)


@dataclass(frozen=True)
class ImageSet:
    """One image set.

    Attributes
    ----------
    description : str
    open : callable () -> Images, or None
        Makes the images of a set that needs no folder.
    download : callable (folder) or None
        Fetches a set into a folder, through deepinv.
    tuning : str
        The set whose images tune a solver for this one.
    """

    description: str
    open: Callable | None = None
    download: Callable | None = None
    tuning: str = "tuning"


class Images(Sequence):
    """A lazy sequence of (name, image): images are read or made on access.

    An image is a float32 tensor (1, C, H, W) in [0, 1]; complex images are two
    channels, real and imaginary.
    """

    def __init__(self, names, make):
        self.names = list(names)
        self.make = make

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        return self.names[index], self.make(index)

    def first(self, count):
        """The first `count` images ("all" for every one)."""
        names = self.names if count == "all" else self.names[: int(count)]
        return Images(names, self.make)


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


def from_folder(folder, name):
    """All PNG and JPEG images below a folder, sorted by path.

    Raises
    ------
    FileNotFoundError
        If the folder is missing or holds no image.
    """
    folder = Path(folder)
    advice = (
        f"put PNG or JPEG images there, map {name} to a folder under data_paths in "
        f"config.yml{download_advice(name)}, or use images=bundled."
    )
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The image set {name} is not on disk ({folder} does not exist): {advice}"
        )
    paths = image_paths(folder)
    if not paths:
        raise FileNotFoundError(
            f"The image set {name} is empty (no image in {folder}): {advice}"
        )
    return from_paths(paths)


def image_paths(folder):
    """Paths of the PNG and JPEG files below a folder, sorted."""
    return sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in SUFFIXES)


def download_advice(name):
    """How to download a set, for error messages; empty where nobody offers it."""
    image_set = IMAGE_SETS.get(name)
    if image_set is None or image_set.download is None:
        return ""
    return f', download it with `benchopt prepare . -d "PROBLEM[images={name}]"`'


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


# ITU-R BT.601 weights of the gray image, as skimage and MATLAB use them.
LUMA = (0.299, 0.587, 0.114)
PATCH = 32
PATCHES_PER_IMAGE = 16


def to_gray(x):
    """Luma (B, 1, H, W) of colour images (B, 3, H, W)."""
    return (x * x.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def gray(images):
    """The images of a set in gray."""
    return Images(images.names, lambda i: to_gray(images[i][1]))


def gray_patches(images):
    """Random gray patches of 32x32 pixels, 16 an image, always the same ones.

    The first ones are of different images.
    """
    names = [f"{name}_{k}" for k in range(PATCHES_PER_IMAGE) for name in images.names]

    def make(index):
        _, image = images[index % len(images)]
        rng = np.random.RandomState([PATCH, index])
        top, left = (rng.randint(n - PATCH + 1) for n in image.shape[2:])
        patch = image[..., top : top + PATCH, left : left + PATCH]
        return to_gray(patch)

    return Images(names, make)


# What a problem may make of the images of a set.
VIEWS = {"colour": lambda images: images, "gray": gray, "gray_patches": gray_patches}


def phantoms(count, first_seed, channels=1):
    """`count` random phantoms with consecutive seeds."""
    names = [f"ellipses_{i}" for i in range(count)]
    return Images(names, lambda i: ellipses(first_seed + i, channels))


def shepp_logan():
    """The Shepp-Logan phantom, (1, 1, 128, 128) in [0, 1]."""
    picture = read_image(SKIMAGE / "phantom.png")[0, 0].numpy()
    small = resize(picture, (PHANTOM_SIZE, PHANTOM_SIZE), anti_aliasing=True)
    return torch.from_numpy(small)[None, None].float()


def deepinv_download(cls, **arguments):
    """A function that downloads one of deepinv's datasets into a folder."""
    return lambda folder: cls(root=str(folder), download=True, **arguments)


def download_cbsd68(folder):
    """deepinv stores CBSD68 as a table of the `datasets` package: write its images out."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    images = dinv.datasets.CBSD68(root=str(Path(folder) / "table"), download=True)
    for i in range(len(images)):
        images[i].save(Path(folder) / f"{i:04d}.png")


IMAGE_SETS = {
    "bundled": ImageSet(
        "six pictures that scikit-image ships",
        open=lambda: from_paths(SKIMAGE / name for name in BUNDLED_TEST),
    ),
    "tuning": ImageSet(
        "four other pictures of scikit-image and matplotlib, for tuning only",
        open=lambda: from_paths(BUNDLED_TUNING),
    ),
    "ellipses": ImageSet(
        "random ellipses, real",
        open=lambda: phantoms(16, 0),
        tuning="ellipses_tuning",
    ),
    "ellipses_tuning": ImageSet(
        "random ellipses, real, for tuning only", open=lambda: phantoms(4, 1000)
    ),
    "ellipses_complex": ImageSet(
        "random ellipses with a smooth phase",
        open=lambda: phantoms(16, 2000, channels=2),
        tuning="ellipses_complex_tuning",
    ),
    "ellipses_complex_tuning": ImageSet(
        "random ellipses with a smooth phase, for tuning only",
        open=lambda: phantoms(4, 3000, channels=2),
    ),
    "shepp_logan": ImageSet(
        "the Shepp-Logan phantom",
        open=lambda: Images(["shepp_logan"], lambda i: shepp_logan()),
        tuning="ellipses_tuning",
    ),
    "div2k": ImageSet(
        "the 100 validation images of DIV2K",
        download=deepinv_download(dinv.datasets.DIV2K, mode="val"),
    ),
    "cbsd68": ImageSet(
        "the 68 colour test images of Roth and Black's selection of BSDS300",
        download=download_cbsd68,
    ),
    "urban100": ImageSet(
        "100 pictures of buildings",
        download=deepinv_download(dinv.datasets.Urban100HR),
    ),
    "set5": ImageSet("five pictures", download=deepinv_download(dinv.datasets.Set5HR)),
    "set14": ImageSet(
        "fourteen pictures", download=deepinv_download(dinv.datasets.Set14HR)
    ),
    "bsd100": ImageSet(
        "the 100 test images of BSDS300",
        download=deepinv_download(dinv.datasets.BSD100HR),
    ),
    "bsds500": ImageSet(
        "the images of BSDS500; the bundled networks were trained on most of them",
        download=deepinv_download(dinv.datasets.BSDS500, splits=["test"]),
    ),
}


def open_images(name, folder=None):
    """The images of a set, lazily.

    Parameters
    ----------
    name : str
        A key of `IMAGE_SETS`, or any name of the user's own.
    folder : path
        Where the images of a set that is not bundled lie.

    Raises
    ------
    FileNotFoundError
        If the folder is missing or empty.
    """
    image_set = IMAGE_SETS.get(name)
    if image_set is not None and image_set.open is not None:
        return image_set.open()
    return from_folder(folder, name)


def open_tuning_images(name):
    """The images that tune a solver for the problems of a set; disjoint from it."""
    image_set = IMAGE_SETS.get(name)
    return IMAGE_SETS[image_set.tuning if image_set else "tuning"].open()


def central_crop(x, crop, multiple=1):
    """The central part of images (..., H, W): at most `crop` pixels a side.

    Sides are multiples of `multiple`; `crop` "none" keeps the whole image.
    """
    sides = [n if crop == "none" else min(n, int(crop)) for n in x.shape[-2:]]
    sides = [side - side % multiple for side in sides]
    start = [(n - side) // 2 for n, side in zip(x.shape[-2:], sides, strict=True)]
    return x[..., start[0] : start[0] + sides[0], start[1] : start[1] + sides[1]]
