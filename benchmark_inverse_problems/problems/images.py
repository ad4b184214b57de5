"""Image sets as data: what they are, where they come from, how they are read."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import deepinv as dinv
import matplotlib
import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d

from . import volumes
from .phantoms import gaussian_fields, phantoms, shepp_logan, tanks
from .reading import (
    PICTURES,
    SKIMAGE,
    Images,
    central_crop,
    from_paths,
    in_folder,
)

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
        The set whose images tune a solver for this one; "": that of its kind.
    """

    description: str
    open: Callable | None = None
    download: Callable | None = None
    tuning: str = ""


def from_folder(folder, name, kind):
    """All images below a folder, sorted by path.

    Raises
    ------
    FileNotFoundError
        If the folder is missing or holds no image.
    """
    folder = Path(folder)
    advice = (
        f"put {kind.description} there, map {name} to a folder under data_paths in "
        f"config.yml{download_advice(name)}, or use images={kind.generated}."
    )
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The image set {name} is not on disk ({folder} does not exist): {advice}"
        )
    images = in_folder(folder, kind)
    if not images:
        raise FileNotFoundError(
            f"The image set {name} is empty (no image in {folder}): {advice}"
        )
    return images


def download_advice(name):
    """How to download a set, for error messages; empty where nobody offers it."""
    image_set = IMAGE_SETS.get(name)
    if image_set is None or image_set.download is None:
        return ""
    return f', download it with `benchopt prepare . -d "PROBLEM[images={name}]"`'


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


def reduced(images, side):
    """The central squares of images, in gray, as means over blocks: `side` pixels."""

    def make(index):
        _, x = images[index]
        x = to_gray(x) if x.shape[1] == 3 else x
        square = central_crop(x, min(x.shape[2:]))
        return adaptive_avg_pool2d(square, side)

    return Images(images.names, make)


def complex_pairs(images, side):
    """Complex images: a picture as magnitude, the next one of the set as phase."""

    def make(index):
        both = [to_gray(images[(index + k) % len(images)][1]) for k in (0, 1)]
        sides = [min(x.shape[axis] for x in both) for axis in (2, 3)]
        least = min(sides) if side == "none" else min(*sides, side)
        size, angle = (central_crop(x, least) for x in both)
        return polar(size, angle)

    return Images(images.names, make, complex=True)


def pure_phase(images):
    """Complex images of magnitude one: a picture is the phase."""

    def make(index):
        angle = to_gray(images[index][1])
        return polar(torch.ones_like(angle), angle)

    return Images(images.names, make, complex=True)


def polar(size, turn):
    """Complex images (1, 2, H, W); turns from 0 to 1 are phases from -pi/2 to pi/2."""
    angle = torch.pi * (turn - 0.5)
    return torch.cat((size * angle.cos(), size * angle.sin()), 1)


def patches(images, side, each):
    """Random square patches, `each` of each image, always the same ones.

    The first patches are of different images.
    """
    names = [f"{name}_{k}" for k in range(each) for name in images.names]

    def make(index):
        _, image = images[index % len(images)]
        rng = np.random.RandomState([side, index])
        top, left = (rng.randint(n - side + 1) for n in image.shape[2:])
        return image[..., top : top + side, left : left + side]

    return Images(names, make)


def gray_patches(images):
    """Random gray patches of 32x32 pixels, 16 of each image."""
    return gray(patches(images, PATCH, PATCHES_PER_IMAGE))


# What a problem may make of the images of a set.
VIEWS = {"colour": lambda images: images, "gray": gray, "gray_patches": gray_patches}


def deepinv_download(cls, **arguments):
    """A function that downloads one of deepinv's datasets into a folder."""
    return lambda folder: cls(root=str(folder), download=True, **arguments)


def download_cbsd68(folder):
    """Write the images of CBSD68, which deepinv stores as a table of `datasets`."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    images = dinv.datasets.CBSD68(root=str(Path(folder) / "table"), download=True)
    for i in range(len(images)):
        images[i].save(Path(folder) / f"{i:04d}.png")


def download_lsdir(folder):
    """Download the validation images of LSDIR, without its low-resolution copies.

    Raises
    ------
    RuntimeError
        If huggingface-hub is missing. Without a login that was given access the download
        fails, too.
    """
    dinv.datasets.LsdirHR(root=str(folder), mode="val", download=True)
    for copies in (Path(folder) / "val1").glob("X[234]"):
        shutil.rmtree(copies)


FMD_TYPES = [
    f"{microscope}_{sample}"
    for microscope, samples in (
        ("Confocal", ("BPAE_B", "BPAE_G", "BPAE_R", "FISH", "MICE")),
        ("TwoPhoton", ("BPAE_B", "BPAE_G", "BPAE_R", "MICE")),
        ("WideField", ("BPAE_B", "BPAE_G", "BPAE_R")),
    )
    for sample in samples
]
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
    "inclusions": ImageSet(
        "round tanks with two or three ellipses of other conductivity",
        open=lambda: tanks(16, 0),
        tuning="inclusions_tuning",
    ),
    "inclusions_tuning": ImageSet(
        "round tanks with ellipses, for tuning only", open=lambda: tanks(4, 1000)
    ),
    "gaussian_fields": ImageSet(
        "images of a Gaussian field, whose posterior is known",
        open=lambda: gaussian_fields(256, 0),
        tuning="gaussian_fields_tuning",
    ),
    "gaussian_fields_tuning": ImageSet(
        "images of the same field, for tuning only",
        open=lambda: gaussian_fields(8, 10_000),
    ),
    "ellipsoids": ImageSet(
        "volumes of rotated ellipsoids with shells and texture",
        open=lambda: volumes.phantoms(8, 0),
        tuning="ellipsoids_tuning",
    ),
    "ellipsoids_tuning": ImageSet(
        "volumes of ellipsoids, for tuning only",
        open=lambda: volumes.phantoms(2, 1000),
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
    "kodak24": ImageSet(
        "the 24 photographs of Kodak's PhotoCD",
        download=deepinv_download(dinv.datasets.Kodak24),
    ),
    "mcmaster": ImageSet(
        "the 18 colourful pictures of McMaster, made for demosaicing",
        download=deepinv_download(dinv.datasets.McMaster),
    ),
    "flickr2k": ImageSet(
        "2650 photographs of 2K, mostly trained on",
        download=deepinv_download(dinv.datasets.Flickr2kHR),
    ),
    "lsdir": ImageSet("the 250 validation images of LSDIR", download=download_lsdir),
    "fmd": ImageSet(
        "measured microscopy with twelve types of images",
        download=deepinv_download(dinv.datasets.FMD, img_types=[*FMD_TYPES]),
    ),
    "detect_ct": ImageSet(
        "measured slices of 2DeteCT, with reconstructions from all measurements",
        download=partial(dinv.datasets.DeteCTDataset.download_dataset, blocks="test"),
    ),
    "kohler": ImageSet(
        "48 photographs of a camera that was shaken, with sharp frames of its path",
        download=deepinv_download(dinv.datasets.Kohler),
    ),
    "development": ImageSet(
        "photographs of one's own choice, for choices between designs; never scored"
    ),
    "bsds500": ImageSet(
        "the images of BSDS500; the bundled networks were trained on most of them",
        download=deepinv_download(dinv.datasets.BSDS500, splits=["test"]),
    ),
}


def open_images(name, folder=None, kind=PICTURES):
    """The images of a set, lazily.

    Parameters
    ----------
    name : str
        A key of `IMAGE_SETS`, or any name of the user's own.
    folder : path
        Where the images of a set that is not bundled lie.
    kind : Kind
        What the files of a folder are.

    Raises
    ------
    FileNotFoundError
        If the folder is missing or empty.
    """
    image_set = IMAGE_SETS.get(name)
    if image_set is not None and image_set.open is not None:
        return image_set.open()
    return from_folder(folder, name, kind)


def open_tuning_images(name, kind=PICTURES):
    """The images that tune a solver for the problems of a set; disjoint from it."""
    image_set = IMAGE_SETS.get(name)
    tuning = image_set.tuning if image_set else ""
    return IMAGE_SETS[tuning or kind.tuning].open()
