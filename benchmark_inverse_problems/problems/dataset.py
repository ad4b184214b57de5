"""The base class of datasets: images and a task make a problem."""

import os
import time
import warnings
from functools import cached_property, lru_cache, partial
from os import PathLike
from pathlib import Path

import psutil
from benchopt import BaseDataset
from benchopt.benchmark import get_running_benchmark
from benchopt.config import get_data_path
from benchopt.utils.parametrized_name_mixin import product_param

from ..judge.case import SSIM_SIDE
from ..physics.catalogue import OPERATORS
from ..solving.fingerprint import FingerprintMixin, code_of
from ..suite import DIGESTS
from ..support.digests import joined
from ..support.parameters import DeclaredParameters, Name, NotAllowed, Number
from ..support.progress import libraries_quiet
from .images import IMAGE_SETS, VIEWS, open_images, open_tuning_images
from .problem import Problem
from .reading import PICTURES, image_paths
from .scans import Scans
from .special_sets import SPECIAL_SETS
from .volumes import VOLUMES

TUNING_IMAGES = 8
PATIENCE = 10  # seconds
# Volumes that a run holds at the same time: truth, estimates and the solver's own.
COPIES = 16
# benchopt's settings that say where image sets are.
FOLDERS = ("data_paths", "data_home")


def cubes(n_images=2, size=64):
    """The parameters of every problem of volumes."""
    return {
        "images": Name(
            ["ellipsoids"],
            "Set of volumes, or the name of a folder in data_paths with NIfTI, MHA, NRRD, "
            "NPY or TIFF files. walnut and calgary are measured: data_paths says where "
            "they are.",
        ),
        "n_images": pictures(n_images=n_images)["n_images"],
        "size": Number(
            [size],
            "Side of the volumes. Files are reduced by whole blocks of voxels, then cut.",
            "voxels",
            least=SSIM_SIDE,
            whole=True,
        ),
    }


def image_folder(name):
    """Where benchopt's settings put an image set.

    benchopt asks the benchmark that was made last. Tasks that arrive from dask make one in
    another thread, which has no name until it is finished: this function waits for it.

    Raises
    ------
    ValueError
        If the setting ``data_paths`` or ``data_home`` names no folders.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            benchmark = get_running_benchmark()
            return folder_of(name, benchmark.name, *settings_of(benchmark))
        except AttributeError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def settings_of(benchmark):
    """What changes where benchopt's settings say that folders are."""
    file = benchmark.get_config_file().resolve()
    state = file.stat() if file.exists() else None
    written = state and (state.st_mtime_ns, state.st_size)
    variables = (os.environ.get(f"BENCHOPT_{name.upper()}") for name in FOLDERS)
    # The folder of a benchmark may be relative to the working folder.
    return file, written, Path.cwd(), *variables


@lru_cache(
    maxsize=256
)  # the key of each cell asks again, and benchopt reads YAML each time
def folder_of(name, *_):
    """As `image_folder`, of the running benchmark."""
    check_folders(get_running_benchmark())
    return get_data_path(name)


def check_folders(benchmark):
    """Check the settings that name the folders of image sets."""
    folders, home = map(benchmark.get_setting, FOLDERS)
    named = isinstance(folders, dict) and all(
        isinstance(name, str) and isinstance(folder, str | None)
        for name, folder in folders.items()
    )
    if not named:
        raise ValueError(
            f"data_paths is {folders!r} in config.yml: write a name and a folder for each "
            "image set, as in `data_paths: {mine: FOLDER}`. A name that is a number needs "
            "quotation marks."
        )
    for name, folder in folders.items():
        if name == "auto" or generated(name):
            raise ValueError(
                f"data_paths has {name!r} in config.yml, which is no folder's name: images="
                f"{name} needs no folder. Take another name."
            )
        if folder is not None and not folder.strip():
            raise ValueError(
                f"data_paths has no folder for {name!r} in config.yml: write its path."
            )
    if not isinstance(home, str | PathLike | None):
        raise ValueError(
            f"data_home is {home!r} in config.yml: write the folder of the image sets."
        )


def generated(name):
    """Whether an image set needs no folder."""
    image_set = IMAGE_SETS.get(name)
    return image_set is not None and image_set.open is not None


def pictures(*images, n_images=4, crop=256):
    """The parameters that every problem has.

    Parameters
    ----------
    *images : str
        The image sets that run by default; none: auto.
    n_images : int
    crop : int or "none"
    """
    return {
        "images": Name(
            images or ["auto"],
            "Image set, or the name of a folder in data_paths. auto takes the problem's own "
            "set where it is on disk, else the bundled pictures.",
        ),
        "n_images": Number(
            [n_images],
            "Number of images, the first ones; all takes every image.",
            least=1,
            whole=True,
            words=["all"],
        ),
        "crop": Number(
            [crop],
            "Largest side of the central part that is taken; none takes whole images.",
            "pixels",
            least=SSIM_SIDE,
            whole=True,
            words=["none"],
        ),
    }


class ProblemDataset(DeclaredParameters, FingerprintMixin, BaseDataset):
    """Measurements of a set of images by a fixed operator.

    A subclass states `name`, `image_set`, `parameters` with at least those of `pictures`,
    and writes `get_task`.

    Attributes
    ----------
    image_set : str
        What ``images=auto`` means where this set is on disk. Elsewhere it means the
        bundled pictures.
    view : str
        What is made of the images, a key of `VIEWS`.
    kind : Kind
        What the files of a folder are.
    special_sets : tuple of str
        Keys of `SPECIAL_SETS`: sets with files of their own kind that the problem takes.
    tuning_side : int
        Largest side of the images that solvers are tuned on.
    test_parameters : dict
        The parameters of the tests, as in `parameters`; they are small and offline.
    version : int
        Counts the measurements that the problem had, see `problems.versions`.
    """

    image_set = "bundled"
    test_parameters = {"images": ["bundled"], "n_images": [1], "crop": [64]}
    version = 1
    view = "colour"
    kind = PICTURES
    special_sets = ()
    tuning_side = 128

    def get_task(self):
        """The operator and the noise, from the parameters."""
        raise NotImplementedError

    @classmethod
    def refusal_of(cls, parameters):
        if cls.image_set not in IMAGE_SETS:
            return (
                f"image_set={cls.image_set} of {cls.name} is not known: use one of "
                f"{', '.join(IMAGE_SETS)}."
            )
        refused, images = super().refusal_of(parameters), parameters.get("images")
        if refused or images not in SPECIAL_SETS or images in cls.special_sets:
            return refused
        return (
            f"images={images} of {cls.name} is not allowed, as its files are "
            f"{SPECIAL_SETS[images].description}: use {cls.kind.generated}."
        )

    def save_parameters(self, **parameters):
        """Replace images=auto by what is on disk, so that names say what ran."""
        parameters = {**next(product_param(self.parameters)), **parameters}
        if parameters["images"] == "auto" and not self.refusal_of(parameters):
            parameters["images"] = self.resolve(parameters)
        super().save_parameters(**parameters)

    def resolve(self, parameters):
        """The problem's own set if it is on disk, else the bundled pictures."""
        folder = image_folder(self.image_set)
        kind = self.kind_of(self.image_set)
        on_disk = generated(self.image_set) or image_paths(folder, kind)
        return self.image_set if on_disk else kind.generated

    @property
    def files(self):
        """The kind of files that the problem's images are."""
        return self.kind_of(self.images)

    def kind_of(self, name):
        """The kind of files of an image set."""
        return SPECIAL_SETS[name] if name in self.special_sets else self.kind

    def _get_state(self):
        state = super()._get_state() | {"images": self.images_digest()}
        if not self.refused:
            state["operator"] = code_of(OPERATORS[self.get_task().operator])
        return state

    @cached_property  # the key of each cell asks, and folders may be large
    def unusable(self):
        try:
            with warnings.catch_warnings(action="ignore"):  # said when they are taken
                return self.get_data()["problem"].images is None
        except (NotAllowed, FileNotFoundError):
            return True

    def images_digest(self):
        """A digest of the pictures of a folder that the problem takes, else ""."""
        if self.refused:
            return ""
        folder = image_folder(self.images)
        paths = [] if generated(self.images) else image_paths(folder, self.files)
        if not paths:
            return ""
        if self.n_images != "all":
            paths = paths[: self.n_images]
        if self.files.parts is not None:
            paths = [part for path in paths for part in sorted(self.files.parts(path))]
        digests = DIGESTS.of(paths)
        return joined((str(p.relative_to(folder)), digests[p]) for p in paths)

    def prepare(self):
        """Download the image set, where deepinv can."""
        if generated(self.images):
            return
        folder = image_folder(self.images)
        if image_paths(folder, self.files):
            return
        image_set = IMAGE_SETS.get(self.images)
        if image_set is None or image_set.download is None:
            open_images(self.images, folder, self.files)  # says what is missing
        try:
            with libraries_quiet():
                image_set.download(folder)
        except (OSError, ImportError, RuntimeError, ValueError) as error:
            raise FileNotFoundError(
                f"The image set {self.images} could not be downloaded "
                f"({type(error).__name__}: {error}): put its images into {folder}, or "
                f"use images={self.files.generated}."
            ) from error

    def get_data(self):
        """The problem; nothing is read or computed before it is looked at."""
        if self.refused:
            return {"problem": RefusedProblem(self.refused)}
        folder = image_folder(self.images)
        problem = LazyProblem(
            partial(open_images, self.images, folder, self.files),
            partial(open_tuning_images, self.images, self.files),
            self.images,
            self.n_images,
            self.get_task(),
            self.side,
            self.viewed,
            self.tuning_side,
        )
        # The default is a number at most, as sets are of different sizes.
        problem.at_most = self.n_images in type(self).parameters["n_images"]
        problem.version = self.version
        return {"problem": problem}

    @property
    def side(self):
        """The side of the images, or "none" for whole ones."""
        return self.crop

    @property
    def measurement(self):
        """Settings of measured images that are not those of the operator, a dict."""
        return {}

    def viewed(self, images, side):
        """What the problem makes of the images of a set.

        Parameters
        ----------
        images : Images
        side : int or "none"
            The side that the images are cut to later.
        """
        if isinstance(images, Scans):
            return images.sized(side, **self.measurement)
        return VIEWS[self.view](images)


class VolumeDataset(ProblemDataset):
    """Measurements of a set of volumes by a fixed operator.

    A subclass states `name`, `parameters` with at least those of `cubes`, whether the
    volumes are `complex`, and writes `get_task`.
    """

    image_set = "ellipsoids"
    kind = VOLUMES
    special_sets = ("walnut", "calgary")
    tuning_side = 48
    complex = False

    @property
    def side(self):
        return self.size

    def viewed(self, images, side):
        operator = self.get_task().operator
        if images.operator not in ("", operator):
            raise NotAllowed(
                f"images={self.images} of {self.name} were measured by "
                f"{images.operator} and not by {operator}: use {self.kind.generated}."
            )
        needed, free = COPIES * 4 * side**3, psutil.virtual_memory().available
        if needed > free:
            raise NotAllowed(
                f"size={side} of {self.name} needs about {needed:.1e} bytes and "
                f"{free:.1e} are free: use a smaller size."
            )
        return images.sized(side, self.complex)


class LazyProblem(Problem):
    """A problem whose image set is opened when the first image is looked at.

    benchopt asks for the data of every cell, also of cached ones. A set that is missing
    fails the cells that use it, and not the whole run.

    Attributes
    ----------
    at_most : bool
        Whether fewer images than `n_images` will do.
    """

    at_most = False

    def __init__(self, opened, opened_tuning, name, n_images, task, crop, view, most):
        self.open, self.name, self.n_images, self.view = opened, name, n_images, view
        # Tuning tries many settings, so its images are small.
        tuning_crop = most if crop == "none" else min(most, crop)
        images = view(opened_tuning(), tuning_crop).first(TUNING_IMAGES)
        tuning = Problem(images, task, crop=tuning_crop)
        super().__init__(None, task, crop, tuning)

    @property
    def images(self):
        if self._images is None:
            opened = self.view(self.open(), self.crop)
            self.check(len(opened))
            self._images = opened.first(self.n_images)
        return self._images

    @images.setter
    def images(self, images):
        self._images = images

    def check(self, count):
        """Check that a set of `count` images has enough of them.

        Raises
        ------
        NotAllowed
            If there are fewer than `n_images`.
        """
        n_images = self.n_images
        if n_images != "all" and n_images > count and not self.at_most:
            raise NotAllowed(
                f"n_images={n_images} cannot be taken of the image set {self.name}, which "
                f"has {count}: use a whole number from 1 to {count}, or all."
            )


class RefusedProblem(Problem):
    """A problem with parameters that are not allowed: its cells fail with one sentence."""

    def __init__(self, sentence):
        self.sentence = sentence
        super().__init__(None, None)

    @property
    def images(self):
        raise NotAllowed(self.sentence)

    @images.setter
    def images(self, images):
        pass
