"""A problem: truth and observations, made on access, the same for ever."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import deepinv as dinv
import numpy as np
import torch

from .images import central_crop
from .noise import add_noise, noise_model
from .operators import OPERATORS


def listed(settings):
    """Settings as ``key=value,...``: words as they are, numbers with six digits."""
    return ",".join(
        f"{k}={v if isinstance(v, str) else format(v, '.6g')}"
        for k, v in settings.items()
    )


@dataclass(frozen=True)
class Task:
    """An operator and a noise level, as data.

    Attributes
    ----------
    operator : str
        A key of `OPERATORS`.
    settings : dict
        The factory's parameters.
    sigma, gain : float
        Gaussian standard deviation and Poisson gain of the noise, in the range
        of the measurements. `relative` multiplies sigma by the mean of |Ax|.
    quantised : bool
        The measurements are rounded to 8 bits, as a camera's are.
    """

    operator: str
    settings: dict = field(default_factory=dict)
    sigma: float = 0.0
    gain: float = 0.0
    relative: bool = False
    quantised: bool = False

    @classmethod
    def of(cls, operator, level):
        """A task from a level's row: `sigma` is the noise, the rest the operator's."""
        settings = {k: v for k, v in level.items() if k != "sigma"}
        return cls(operator, settings, sigma=level["sigma"])

    @property
    def multiple(self):
        """What the sides of an image must be multiples of."""
        return self.settings.get("factor", 1)

    def __str__(self):
        settings = {**self.settings, "sigma": self.sigma, "gain": self.gain}
        settings["quantised"] = self.quantised
        given = {k: v for k, v in sorted(settings.items()) if v}
        return f"{self.operator}[{listed(given)}]"


@dataclass(frozen=True)
class Observation:
    """What a solver sees of one image.

    Attributes
    ----------
    y : tensor
        The measurements, batch size 1.
    physics : deepinv.physics.LinearPhysics
        The operator, with its noise model.
    shape : tuple of int
        (1, C, H, W) of the image to reconstruct.
    name : str
        Name of the image.
    """

    y: torch.Tensor
    physics: dinv.physics.LinearPhysics
    shape: tuple
    name: str


class Observations(Sequence):
    """The observations of a problem, without the truth; made anew on each access.

    Attributes
    ----------
    task : Task
        The operator and the noise that all of them share.
    """

    def __init__(self, problem):
        self._make = problem.observe
        self._count = problem.__len__  # counted later: the set may be missing
        self.task = problem.task

    def __len__(self):
        return self._count()

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._make(index)


class Problem:
    """Images measured by one operator with one noise level.

    Every random number is drawn from a `RandomState` seeded by the task and
    the image's index, so a problem does not depend on benchopt's seed, on other
    images or on the machine.

    Parameters
    ----------
    images : Images
        The true images.
    task : Task
    crop : int or "none"
        Side of the central crop.
    tuning : Problem
        The same task on images that are never scored, truth included.
    """

    def __init__(self, images, task, crop="none", tuning=None):
        self.images = images
        self.task = task
        self.crop = crop
        self.tuning = tuning
        self._judged = {}

    def __len__(self):
        return len(self.images)

    def truth(self, index):
        """The true image, (1, C, H, W) in [0, 1]."""
        _, image = self.images[index]
        return central_crop(image, self.crop, self.task.multiple).contiguous()

    def observe(self, index):
        """Measure one image: a fresh physics and fresh measurements."""
        return self.measure(self.truth(index), index)

    def measure(self, x, index):
        """The observation of the image with some index."""
        task = self.task
        rng = np.random.RandomState([zlib.crc32(str(task).encode()), index])
        physics = OPERATORS[task.operator](tuple(x.shape[1:]), rng, **task.settings)
        with torch.no_grad():
            clean = physics.A(x)
            sigma = task.sigma
            if task.relative:
                sigma = sigma * float(clean.abs().mean())
            physics.noise_model = noise_model(sigma, task.gain)
            y = add_noise(clean, physics, rng, sigma, task.gain)
            if task.quantised:
                y = (255 * y).round().clamp(0, 255) / 255
        return Observation(y, physics, tuple(x.shape), self.images.names[index])

    def judged(self, index):
        """Truth and observation of one image, kept for the next evaluation."""
        if index not in self._judged:
            truth = self.truth(index)
            self._judged[index] = (truth, self.measure(truth, index))
        return self._judged[index]

    @property
    def observations(self):
        """What solvers see."""
        return Observations(self)

    @cached_property
    def fingerprint(self):
        """Twelve digits that name the measurements.

        Means, deviations and random projections are rounded to four digits
        first: rounding errors of another machine do not change the
        fingerprint, another mask, kernel or noise does.
        """
        figures = []
        for index in range(len(self)):
            y = self.judged(index)[1].y.double().flatten().numpy()
            signs = np.random.RandomState(0).randint(0, 2, y.size) * 2 - 1
            # 1e-3 of the projection's own size is far above float32 noise.
            projection = (signs * y).sum() / (np.sqrt(y.size) * y.std() + 1e-12)
            figures += [f"{y.mean():.4f}", f"{y.std():.4f}", f"{projection:.3f}"]
        text = "|".join(figures).replace("-0.0000", "0.0000")
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def check_reconstruction(x_hat, shape):
    """Check what a solver returned for one image.

    Raises
    ------
    TypeError
        If it is not a float tensor.
    ValueError
        If its shape differs from the image's or a value is not finite.
    """
    if not isinstance(x_hat, torch.Tensor):
        raise TypeError(
            f"A reconstruction must be a tensor and is a {type(x_hat).__name__}: "
            "return x_hat from the callable that build() returns."
        )
    if tuple(x_hat.shape) != tuple(shape):
        raise ValueError(
            f"A reconstruction has the shape {tuple(x_hat.shape)} and the image "
            f"{tuple(shape)}: return an estimate of the image's size."
        )
    if x_hat.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"A reconstruction has the dtype {x_hat.dtype}: return float32 or float64."
        )
    if not bool(torch.isfinite(x_hat).all()):
        bad = int((~torch.isfinite(x_hat)).sum())
        raise ValueError(
            f"A reconstruction has {bad} values that are NaN or infinite: check the "
            "step sizes and the noise level of the method."
        )
