"""The base class of datasets: images and a task make a problem."""

import time
from os import PathLike

from benchopt import BaseDataset
from benchopt.benchmark import get_running_benchmark
from benchopt.config import get_data_path
from benchopt.utils.parametrized_name_mixin import product_param

from ..judge.case import SSIM_SIDE
from ..solving.fingerprint import FingerprintMixin
from ..suite import DIGESTS
from ..support.digests import joined
from ..support.progress import libraries_quiet
from .images import IMAGE_SETS, VIEWS, open_images, open_tuning_images
from .problem import Problem
from .reading import image_paths

TUNING_CROP = 128
TUNING_IMAGES = 8
PATIENCE = 10  # seconds


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
            check_folders(get_running_benchmark())
            return get_data_path(name)
        except AttributeError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def check_folders(benchmark):
    """Check the settings that name the folders of image sets."""
    folders, home = map(benchmark.get_setting, ("data_paths", "data_home"))
    named = isinstance(folders, dict) and all(
        isinstance(folder, str | None) for folder in folders.values()
    )
    if not named:
        raise ValueError(
            f"data_paths is {folders!r} in config.yml: write a name and a folder for each "
            "image set, as in `data_paths: {mine: FOLDER}`."
        )
    if not isinstance(home, str | PathLike | None):
        raise ValueError(
            f"data_home is {home!r} in config.yml: write the folder of the image sets."
        )


def generated(name):
    """Whether an image set needs no folder."""
    image_set = IMAGE_SETS.get(name)
    return image_set is not None and image_set.open is not None


class Literal(str):
    """A value that stands for itself: `benchopt info` lists no single letters of it."""

    def __iter__(self):
        yield str(self)


class ProblemDataset(FingerprintMixin, BaseDataset):
    """Measurements of a set of images by a fixed operator.

    A subclass states `name`, `image_set`, `parameters` with at least ``images``,
    ``n_images`` and ``crop``, and writes `get_task`.

    Attributes
    ----------
    image_set : str
        What ``images=auto`` means where this set is on disk. Elsewhere it means the
        bundled pictures.
    view : str
        What is made of the images, a key of `VIEWS`.
    """

    image_set = "bundled"
    view = "colour"

    def get_task(self):
        """The operator and the noise, from the parameters."""
        raise NotImplementedError

    @classmethod
    def get_all_parameter_values(cls, name):
        """n_images=all means every image; benchopt need not expand it."""
        return Literal("all") if name == "n_images" else None

    def save_parameters(self, **parameters):
        """Replace images=auto by what is on disk, so that names say what ran."""
        parameters = {**next(product_param(self.parameters)), **parameters}
        if parameters["images"] == "auto":
            parameters["images"] = self.resolve(parameters)
        super().save_parameters(**parameters)

    def resolve(self, parameters):
        """The problem's own set if it is on disk, else the bundled pictures."""
        on_disk = generated(self.image_set) or image_paths(image_folder(self.image_set))
        return self.image_set if on_disk else "bundled"

    def _get_state(self):
        return super()._get_state() | {"images": self.images_digest()}

    def images_digest(self):
        """A digest of the pictures of a folder that the problem takes, else ""."""
        folder = image_folder(self.images)
        paths = [] if generated(self.images) else image_paths(folder)
        if not paths:
            return ""
        if is_whole(self.n_images):  # what is no number fails its cell later
            paths = paths[: self.n_images]
        digests = DIGESTS.of(paths)
        return joined((str(p.relative_to(folder)), digests[p]) for p in paths)

    def prepare(self):
        """Download the image set, where deepinv can."""
        if generated(self.images):
            return
        folder = image_folder(self.images)
        if image_paths(folder):
            return
        image_set = IMAGE_SETS.get(self.images)
        if image_set is None or image_set.download is None:
            open_images(self.images, folder)  # says what is missing
        try:
            with libraries_quiet():
                image_set.download(folder)
        except (OSError, ImportError, RuntimeError, ValueError) as error:
            raise FileNotFoundError(
                f"The image set {self.images} could not be downloaded "
                f"({type(error).__name__}: {error}): put its images into {folder}, or "
                "use images=bundled."
            ) from error

    def get_data(self):
        """The problem; nothing is read or computed before it is looked at."""
        folder = image_folder(self.images)
        problem = LazyProblem(
            self.images, folder, self.n_images, self.get_task(), self.crop, self.view
        )
        # The default is a number at most, as sets are of different sizes.
        problem.at_most = self.n_images in type(self).parameters["n_images"]
        return {"problem": problem}


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

    def __init__(self, name, folder, n_images, task, crop, view):
        self.name, self.folder, self.n_images = name, folder, n_images
        self.view = VIEWS[view]
        # Phantoms are small already; pictures are cut, as tuning tries many settings.
        tuning_crop = min(TUNING_CROP, crop) if is_whole(crop) else TUNING_CROP
        images = self.view(open_tuning_images(name)).first(TUNING_IMAGES)
        tuning = Problem(images, task, crop=tuning_crop)
        super().__init__(None, task, crop, tuning)

    @property
    def images(self):
        if self._images is None:
            opened = self.view(open_images(self.name, self.folder))
            self.check(len(opened))
            self._images = opened.first(self.n_images)
        return self._images

    @images.setter
    def images(self, images):
        self._images = images

    def check(self, count):
        """Check which images the problem takes, of a set of `count` images.

        Raises
        ------
        ValueError
            If `n_images` or `crop` is out of range.
        """
        n_images, crop = self.n_images, self.crop
        most = n_images if self.at_most else count
        if n_images != "all" and not (is_whole(n_images) and 1 <= n_images <= most):
            raise ValueError(
                f"n_images={n_images} cannot be taken of the image set {self.name}, which "
                f"has {count}: use a whole number from 1 to {count}, or all."
            )
        if crop != "none" and not (is_whole(crop) and crop >= SSIM_SIDE):
            raise ValueError(
                f"crop={crop} is no size of an image: use a whole number of pixels from "
                f"{SSIM_SIDE} on, or none for whole images."
            )


def is_whole(value):
    """Whether a parameter is a whole number, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)
