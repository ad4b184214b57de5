"""The base class of solvers: device, timing, seeds, tuning and checks, once."""

from dataclasses import dataclass
from functools import partial

import torch
from benchopt import BaseSolver
from benchopt.utils.parametrized_name_mixin import product_param
from torch import nn

from . import settings
from .failures import recorded
from .fingerprint import FingerprintMixin
from .metering import count_gflops, measure
from .problem import check_reconstruction
from .tuning import grid_search, look_up
from .weights import published_path

TUNED = "tuned"


@dataclass
class Reconstruction:
    """An estimate and what it cost.

    Attributes
    ----------
    x_hat : tensor (1, C, H, W) or None
        None once the result went through benchopt's cache.
    runtime : float
        Seconds.
    peak_memory : float
        MB.
    parameters : int
        Parameters of the networks.
    gflops : float
    threads : int
        torch's threads.
    trials : int
        Settings tried on the tuning set.
    tuned : str
        The settings that tuning chose.
    """

    x_hat: torch.Tensor | None
    runtime: float = float("nan")
    peak_memory: float = float("nan")
    parameters: int = 0
    gflops: float = float("nan")
    threads: int = 0
    trials: int = 0
    tuned: str = ""


class Reconstructions(list):
    """The reconstructions of a problem's images; only the gallery's are pickled.

    benchopt pickles every result into its cache: all but the first image, which
    the gallery shows, leave their pixels behind.
    """

    def __reduce__(self):
        kept = [Reconstruction(**vars(item)) for item in self]
        for item in kept[1:]:
            item.x_hat = None
        return Reconstructions, (), None, iter(kept)


class ReconstructionSolver(FingerprintMixin, BaseSolver):
    """A method that maps measurements to an image.

    A subclass states `name`, `parameters` and writes `build`. The law: `build`
    returns a callable ``(y, physics) -> x_hat`` with x_hat of the image's shape, on
    y's device; it never sees the truth. Parameters whose value is "tuned" reach
    `build` with the value that is best on the tuning set.

    Attributes
    ----------
    grid : dict
        {parameter: values to try}, for the parameters that may be "tuned".
    published : tuple of str
        File names of the authors' checkpoints, for solvers with `weights`.
    channels : int
        Channels of the problem's images, known when `build` is called.
    """

    sampling_strategy = "run_once"
    grid = {}
    published = ()

    def build(self, **parameters):
        """Return the reconstructor; `parameters` are the solver's own, resolved."""
        raise NotImplementedError

    def unsupported(self, physics):
        """Why the method cannot invert an operator, or None if it can."""
        return None

    def save_parameters(self, **parameters):
        """Replace weights=auto by what is on disk, so that names say what ran."""
        parameters = {**next(product_param(self.parameters)), **parameters}
        if parameters.get("weights") == "auto":
            on_disk = [published_path(name).exists() for name in self.published]
            found = on_disk and all(on_disk)
            parameters["weights"] = "published" if found else "bundled"
        super().save_parameters(**parameters)

    def _get_state(self):
        return super()._get_state() | {"threads": settings.threads()}

    def skip(self, observations, tuning):
        with recorded(self._run_context):
            reason = self.unsupported(observations[0].physics)
        return reason is not None, reason and f"{self.name} {reason}"

    def set_objective(self, observations, tuning):
        self.use_machine()
        with recorded(self._run_context):
            self.observations = [
                (o.y.to(self.device), o.physics.to(self.device), o.shape)
                for o in observations
            ]
            self.channels = self.observations[0][2][1]
            self.settle(observations.task, tuning)
            self.networks = []
            self.reconstruct = self.build(**self.values)
            if isinstance(self.reconstruct, nn.Module):
                self.reconstruct = self.place(self.reconstruct)
            self.count_operations()

    def use_machine(self):
        """Take the device and the threads that the settings give."""
        self.device = settings.device()
        self.threads = settings.threads()
        self.networks = []

    def settle(self, task, tuning):
        """Resolve the parameters that are "tuned": by the table, else by a search."""
        self.values = dict(self._parameters)
        self.tuned, self.trials = "", 0
        if self.open_parameters():
            found = look_up(self.name, task, self.fixed_parameters())
            found = found or self.search(tuning)
            self.values |= found["values"]
            self.trials = found["trials"]
            self.tuned = ",".join(f"{k}={v:g}" for k, v in found["values"].items())

    def open_parameters(self):
        """The grids of the parameters whose value is "tuned"."""
        return {k: self.grid[k] for k, v in self._parameters.items() if v == TUNED}

    def fixed_parameters(self):
        """The parameters that have a value."""
        return {k: v for k, v in self._parameters.items() if v != TUNED}

    def search(self, tuning):
        """Try the grid on the tuning set; what it found, with the number of trials."""
        build = partial(self.build, **self.fixed_parameters())
        return grid_search(build, self.open_parameters(), tuning, self.device)

    def place(self, network):
        """Put a network on the device, ready for inference, and count its parameters."""
        network = network.to(self.device).eval().requires_grad_(False)
        self.networks.append(network)
        return network

    def count_operations(self):
        """One untimed reconstruction per image size, which also warms up.

        Not benchopt's `warm_up`: that runs once per solver, not once per problem.
        """
        self.gflops = {}
        for y, physics, shape in self.observations:
            if shape not in self.gflops:
                call = partial(self.call, y.clone(), physics, 0)
                _, self.gflops[shape] = count_gflops(call)

    def call(self, y, physics, index):
        """One reconstruction; a seed per image, so that images cannot matter to others."""
        torch.manual_seed((self.get_seed(use_repetition=True) + index) % 2**32)
        with torch.no_grad():
            return self.reconstruct(y, physics)

    def run(self, _):
        self.result = Reconstructions()
        parameters = {
            id(p): p.numel() for network in self.networks for p in network.parameters()
        }
        with recorded(self._run_context):
            for index, (y, physics, shape) in enumerate(self.observations):
                # The clone is for methods that write into their y.
                call = partial(self.call, y.clone(), physics, index)
                x_hat, runtime, peak_memory = measure(call, self.device)
                check_reconstruction(x_hat, shape)
                self.result.append(
                    Reconstruction(
                        x_hat.cpu(),
                        runtime,
                        peak_memory,
                        sum(parameters.values()),
                        self.gflops[shape],
                        self.threads,
                        self.trials,
                        self.tuned,
                    )
                )

    def get_result(self):
        return {"reconstructions": self.result}
