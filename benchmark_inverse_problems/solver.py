"""The two base classes of solvers: device, timing, seeds, tuning and checks, once."""

from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

import torch
from benchopt import BaseSolver
from benchopt.stopping_criterion import StoppingCriterion
from benchopt.utils.parametrized_name_mixin import product_param
from torch import nn

from . import settings
from .failures import recorded
from .fingerprint import FingerprintMixin
from .metering import MB, count_gflops, keep_heap, measure, timed
from .precision import InBfloat16
from .problem import check_reconstruction, listed
from .progress import progress
from .tuning import grid_search, look_up
from .weights import published_path

TUNED = "tuned"
# Iterations between two points of a curve grow by this factor.
GROWTH = 1.25


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
    iterations : int
        Iterations done; 0 for methods that run in one go.
    final : bool
        False for the estimates on the way to the result.
    """

    x_hat: torch.Tensor | None
    runtime: float = float("nan")
    peak_memory: float = float("nan")
    parameters: int = 0
    gflops: float = float("nan")
    threads: int = 0
    trials: int = 0
    tuned: str = ""
    iterations: int = 0
    final: bool = True


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
    `build` with the value that is best on the tuning set. A parameter `precision`
    ("float32" or "bfloat16") does not reach it: networks that go through `place` run
    in it, operators always in float32.

    Attributes
    ----------
    grid : dict
        {parameter: values to try}, for the parameters that may be "tuned".
    published : tuple of str
        File names of the authors' checkpoints, for solvers with `weights`.
    end_to_end : dict or None
        For networks that were trained through all of `build`'s callable, which then
        takes batches: the parameters that the training had, where others are default.
    channels : int
        Channels of the problem's images, known when `build` is called.
    """

    sampling_strategy = "run_once"
    grid = {}
    published = ()
    end_to_end = None

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
                for o in progress(observations, "measuring")
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
        keep_heap()
        self.device = settings.device()
        self.threads = settings.threads()
        self.networks = []

    def settle(self, task, tuning):
        """Resolve the parameters that are "tuned": by the table, else by a search."""
        self.values = self.fixed_parameters()
        self.tuned, self.trials = "", 0
        if self.open_parameters():
            found = look_up(self.name, task, self.fixed_parameters())
            found = found or self.search(tuning)
            self.values |= found["values"]
            self.trials = found["trials"]
            self.tuned = listed(found["values"])

    def open_parameters(self):
        """The grids of the parameters whose value is "tuned"."""
        return {k: self.grid[k] for k, v in self._parameters.items() if v == TUNED}

    def fixed_parameters(self):
        """The parameters that have a value, but the precision.

        What tuning finds best in float32 is best in bfloat16.
        """
        return {
            k: v for k, v in self._parameters.items() if v != TUNED and k != "precision"
        }

    def search(self, tuning):
        """Try the grid on the tuning set; what it found, with the number of trials."""
        build = partial(self.reconstructor, **self.fixed_parameters())
        return grid_search(build, self.open_parameters(), tuning, self.device)

    def reconstructor(self, **parameters):
        """The method as one callable ``(y, physics) -> x_hat``."""
        return self.build(**parameters)

    def place(self, network):
        """Put a network on the device, ready for inference, and count its parameters.

        Raises
        ------
        ValueError
            If the solver's precision is not known.
        """
        # On CPUs convolutions are a quarter faster in this layout, in bfloat16 thrice.
        network = network.to(self.device, memory_format=torch.channels_last)
        network = network.eval().requires_grad_(False)
        self.networks.append(network)
        precision = self._parameters.get("precision", "float32")
        if precision not in settings.PRECISIONS:
            raise ValueError(
                f"precision={precision} is not known: use one of "
                f"{', '.join(settings.PRECISIONS)}."
            )
        return network if precision == "float32" else InBfloat16(network)

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
        with recorded(self._run_context):
            observations = progress(self.observations, self.name)
            for index, (y, physics, shape) in enumerate(observations):
                # The clone is for methods that write into their y.
                call = partial(self.call, y.clone(), physics, index)
                x_hat, runtime, peak_memory = measure(call, self.device)
                check_reconstruction(x_hat, shape)
                self.result.append(
                    self.report(x_hat, runtime, peak_memory, self.gflops[shape])
                )

    def report(self, x_hat, runtime, peak_memory, gflops, iterations=0):
        """An estimate with its costs and the settings behind it."""
        parameters = {
            id(p): p.numel() for network in self.networks for p in network.parameters()
        }
        return Reconstruction(
            x_hat.cpu(),
            runtime,
            peak_memory,
            sum(parameters.values()),
            gflops,
            self.threads,
            self.trials,
            self.tuned,
            iterations,
        )

    def get_result(self):
        return {"reconstructions": self.result}


def following(point):
    """The next iteration at which a curve has a point."""
    return max(point + 1, int(point * GROWTH))


class OwnRule(StoppingCriterion):
    """The solver's own rule and budget end it: no metric, no clock, no --max-runs.

    benchopt's criteria watch the objective, which knows the truth, or cut a run by
    the speed of the machine and cache that as done.
    """

    def get_runner_instance(self, max_runs=1, timeout=None, **settings):
        return super().get_runner_instance(
            max_runs=float("inf"), timeout=None, **settings
        )

    def check_convergence(self, objective_list):
        done, last = self.solver.shown, self.solver.last
        return done >= last, done / max(1, last)

    def get_next_stop_val(self, stop_val):
        return min(following(stop_val), self.solver.last)


class IterativeSolver(ReconstructionSolver):
    """A method whose estimates are watched while it runs.

    The law: `build` returns a callable ``(y, physics) -> iterator of estimates``. The
    first one is the initial estimate, one more follows after each iteration, and the
    iterator ends by the method's own rule, which sees neither the truth nor the clock;
    its last estimate is the result. Every estimate is an image, and may be overwritten
    by the next one.

    Images run one after the other, each with its own clock and memory. benchopt's
    callback is then shown the estimates of all images at the same iteration, those of
    images that had ended staying as they are: curves are means over the images.

    Attributes
    ----------
    last : int
        Iterations of the image that ran longest.
    shown : int
        The iteration that `result` holds.
    """

    sampling_strategy = "callback"
    stopping_criterion = OwnRule()

    def reconstructor(self, **parameters):
        build = self.build(**parameters)

        def reconstruct(y, physics):
            return deque(build(y, physics), maxlen=1).pop()

        return reconstruct

    def count_operations(self):
        """The start and one iteration per image size, untimed, which also warms up."""
        self.gflops = {}
        for y, physics, shape in self.observations:
            if shape not in self.gflops:
                iterates = self.call(y.clone(), physics, 0)
                steps = (partial(advance, iterates) for _ in range(2))
                self.gflops[shape] = [count_gflops(step)[1] for step in steps]

    def run(self, callback):
        with recorded(self._run_context):
            trajectories = [
                self.trajectory(index, *observation)
                for index, observation in enumerate(
                    progress(self.observations, self.name)
                )
            ]
        self.last = max(trajectory[-1].iterations for trajectory in trajectories)
        for point in range(self.last + 1):
            self.shown = point
            self.result = Reconstructions(
                replace(latest(trajectory, point), final=point == self.last)
                for trajectory in trajectories
            )
            if not callback():
                break

    def trajectory(self, index, y, physics, shape):
        """One image's reconstructions at the points of the curve and at the end."""
        kept = []
        follow = partial(self.follow, index, y.clone(), physics, shape, kept)
        _, _, peak_memory = measure(follow, self.device)
        if self.device.type == "cpu":  # what is kept for the curve is not the method's
            kept_memory = sum(item.x_hat.nbytes for item in kept) / MB
            peak_memory = max(0.0, peak_memory - kept_memory)
        return [replace(item, peak_memory=peak_memory) for item in kept]

    def budget(self):
        """Iterations of one image at most, if a parameter says so; for the progress."""
        return self.values.get("iterations", self.values.get("steps"))

    def follow(self, index, y, physics, shape, kept):
        """Run the iterations of one image and append what its curve needs to `kept`."""
        start, step = self.gflops[shape]
        iterates, runtime = timed(partial(self.call, y, physics, index), self.device)
        point = 0

        def keep(x_hat, iterations):
            check_reconstruction(x_hat, shape)
            gflops = start + iterations * step
            kept.append(self.report(x_hat.clone(), runtime, 0.0, gflops, iterations))

        for iterations in progress(count(), "iterations", self.budget()):
            x_hat, seconds = timed(partial(advance, iterates), self.device)
            runtime += seconds
            if x_hat is None:
                break
            if iterations == point:
                keep(x_hat, iterations)
                point = following(point)
            estimate = x_hat
        if not kept:
            raise ValueError(
                f"{self.name} yielded no estimate: yield the initial one first."
            )
        if kept[-1].iterations < iterations - 1:
            keep(estimate, iterations - 1)
        kept[-1].runtime = runtime


@torch.no_grad()
def advance(iterates):
    """The next estimate, or None at the end."""
    return next(iterates, None)


def latest(trajectory, point):
    """The last of an image's reconstructions up to some iteration."""
    return next(item for item in reversed(trajectory) if item.iterations <= point)
