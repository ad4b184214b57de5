"""A problem: truth and observations, made on access, the same for ever."""

import hashlib
import weakref
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from inspect import signature

import deepinv as dinv
import numpy as np
import torch

from ..judge.metering import give_back
from ..physics.catalogue import OPERATORS
from ..physics.facts import loudness
from ..physics.needs import offers
from ..physics.noise import add_noise, noise_model
from ..support.checks import check_known
from ..support.precision import standard_numerics
from ..support.text import listed
from .reading import central_crop

# Bytes of the observations that a problem keeps for the next evaluation.
KEPT = 64 * 2**20


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
        of the measurements. `relative` multiplies sigma by the `loudness`, which is the
        mean of |Ax| for most operators.
    quantised : bool
        The measurements are rounded to 8 bits, as a camera's are.
    told : dict or None
        The factory's parameters for the operator that solvers are given, where it is not
        the one that measures. It does not change the measurements.
    known : bool
        False where finding the operator is part of the task: solvers that need to be told
        the operator skip it. `told` is then where they may start from.
    """

    operator: str
    settings: dict = field(default_factory=dict)
    sigma: float = 0.0
    gain: float = 0.0
    relative: bool = False
    quantised: bool = False
    told: dict | None = None
    known: bool = True

    def __post_init__(self):
        """Check the operator and its settings; those that files give may be missing.

        Raises
        ------
        ValueError
            If there is no such operator, or it takes other settings.
        """
        check_known("operator", self.operator, OPERATORS)
        for settings in (self.settings, self.told or {}):
            try:
                signature(OPERATORS[self.operator]).bind_partial((), None, **settings)
            except TypeError as error:
                raise ValueError(
                    f"The settings {settings} do not fit the operator {self.operator}: {error}."
                ) from error

    @classmethod
    def of(cls, operator, level):
        """A task from a level's row: `sigma` is the noise, the rest the operator's."""
        settings = {k: v for k, v in level.items() if k != "sigma"}
        return cls(operator, settings, sigma=level["sigma"])

    @property
    def multiple(self):
        """What the sides of an image must be multiples of."""
        return self.settings.get("factor", 1)

    @property
    def measurement(self):
        """What is measured, as a text; it seeds the random numbers of the problem."""
        settings = {**self.settings, "sigma": self.sigma, "gain": self.gain}
        settings["quantised"] = self.quantised
        given = {k: v for k, v in sorted(settings.items()) if v}
        return f"{self.operator}[{listed(given)}]"

    def __str__(self):
        text = self.measurement
        if self.relative:
            text = f"{text[:-1]},relative=True]"
        if self.told is not None:
            text += f" told[{listed(dict(sorted(self.told.items())))}]"
        return text if self.known else f"{text} unknown"


@dataclass(frozen=True)
class Observation:
    """What a solver sees of one image.

    Attributes
    ----------
    y : tensor
        The measurements, batch size 1.
    physics : deepinv.physics.Physics
        The operator, with its noise model.
    shape : tuple of int
        (1, C, *spatial) of the image to reconstruct, with two or three spatial axes.
    name : str
        Name of the image.
    complex : bool
        Whether the two channels of the image are its real and its imaginary part.
    known : bool
        Whether `physics` is the operator to invert, or only one to start from.
    """

    y: torch.Tensor
    physics: dinv.physics.Physics
    shape: tuple
    name: str
    complex: bool = False
    known: bool = True

    @property
    def offers(self):
        """What a method may rely on, keys of `physics.needs.NEEDS`."""
        return offers(self.physics, self.shape, self.complex, self.known)

    def to(self, device):
        """The same observation on a device."""
        return replace(self, y=self.y.to(device), physics=self.physics.to(device))

    @property
    def nbytes(self):
        """Bytes of the measurements and of the operator."""
        return self.y.nbytes + sum(x.nbytes for x in tensors(self.physics))


def tensors(physics):
    """The tensors that an operator and its parts hold."""
    for part in physics.modules():
        held = [*part.parameters(recurse=False), *part.buffers(recurse=False)]
        yield from held + [v for v in vars(part).values() if torch.is_tensor(v)]


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

    Attributes
    ----------
    version : int
        Counts the measurements that it had, see `problems.versions`.
    """

    version = 1

    def __init__(self, images, task, crop="none", tuning=None):
        self.images = images
        self.task = task
        self.crop = crop
        self.tuning = tuning
        self._judged, self._room = {}, KEPT
        self._figures = {}

    def __len__(self):
        return len(self.images)

    def truth(self, index):
        """The true image, (1, C, *spatial) in [0, 1]."""
        _, image = self.images[index]
        return central_crop(image, self.crop, self.task.multiple).contiguous()

    def observe(self, index):
        """What a solver sees of one image: fresh measurements and a fresh operator.

        The operator is the one that solvers are told.
        """
        observation = self.measure(self.truth(index), index)
        self.note(index, observation.y)
        measured = self.images.scan is not None and not self.images.hidden
        if self.task.told is None or measured:
            return observation
        physics = self.make_operator(observation.shape, index, self.task.told)[0]
        physics.noise_model = observation.physics.noise_model
        return replace(observation, physics=physics)

    def generator(self, index):
        """The random numbers of one image."""
        return np.random.RandomState(
            [zlib.crc32(self.task.measurement.encode()), index]
        )

    @standard_numerics()
    def make_operator(self, shape, index, settings):
        """A fresh operator for images of a shape, and the generator that it drew from."""
        rng = self.generator(index)
        factory = OPERATORS[self.task.operator]
        return factory(tuple(shape[1:]), rng, **settings), rng

    @standard_numerics()
    def measure(self, x, index):
        """The observation of the image with some index, with the operator that measured."""
        task = self.task
        if self.images.scan is not None:
            return self.scanned(x, index)
        physics, rng = self.make_operator(x.shape, index, task.settings)
        with torch.no_grad():
            clean = physics.A(x)
            sigma = task.sigma
            if task.relative:
                sigma = sigma * loudness(physics, clean)
            physics.noise_model = noise_model(sigma, task.gain)
            y = add_noise(clean, physics, rng, sigma, task.gain)
            if task.quantised:
                y = (255 * y).round().clamp(0, 255) / 255
        return self.observation(x, index, y, physics)

    def scanned(self, x, index):
        """The observation of an image that was measured; no noise is added."""
        settings = self.task.settings
        physics, y = self.images.scan(index, self.generator(index), settings)
        return self.observation(x, index, y, physics)

    def observation(self, x, index, y, physics):
        """What a solver sees, by the operator that measured."""
        return Observation(
            y,
            physics,
            tuple(x.shape),
            self.images.names[index],
            self.images.complex,
            self.task.known,
        )

    def judged(self, index):
        """Truth and observation of one image, with the operator that measured.

        Pairs are kept for the next evaluation while there is room, so that the memory of a
        run does not grow with the number of images.
        """
        if index in self._judged:
            return self._judged[index]
        truth = self.truth(index)
        observation = self.measure(truth, index)
        self.note(index, observation.y)
        size = truth.nbytes + observation.nbytes
        if size <= self._room:
            self._room -= size
            self._judged[index] = (truth, observation)
        return truth, observation

    def note(self, index, y):
        """Keep the figures of the measurements of one image.

        Raises
        ------
        ValueError
            If they are others than before: its file is another one than at that time.
        """
        found = figures(y)
        known = self._figures.setdefault(index, found)
        if not np.allclose(
            *(np.array(texts, float) for texts in (known, found)), 1e-3, 1e-3
        ):
            raise ValueError(
                f"The image {self.images.names[index]} has changed while it was in use: run "
                "again when nothing writes into its folder."
            )

    def visit(self, index, function):
        """function(truth, observation) of one image, with the operator that measured.

        The memory of what is not kept is given back.
        """
        truth, observation = self.judged(index)
        result = function(truth, observation)
        if index not in self._judged:
            physics = weakref.ref(observation.physics)
            del observation
            give_back(physics)
        return result

    @property
    def observations(self):
        """What solvers see."""
        return Observations(self)

    @cached_property
    def fingerprint(self):
        """Twelve digits that name the measurements.

        Means, deviations and random projections are rounded to four digits first: rounding
        errors of another machine do not change the fingerprint. Another mask, kernel or
        noise does.
        """
        for index in range(len(self)):
            if index not in self._figures:
                self.judged(index)
        text = "|".join(part for i in range(len(self)) for part in self._figures[i])
        text = text.replace("-0.0000", "0.0000")
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def figures(y):
    """Mean, deviation and a random projection of measurements, rounded, as texts."""
    y = y.double().flatten().numpy()
    signs = np.random.RandomState(0).randint(0, 2, y.size) * 2 - 1
    # 1e-3 of the projection's own size is far above float32 noise.
    projection = (signs * y).sum() / (np.sqrt(y.size) * y.std() + 1e-12)
    return f"{y.mean():.4f}", f"{y.std():.4f}", f"{projection:.3f}"
