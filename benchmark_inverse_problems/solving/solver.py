"""The base class of solvers: device, timing, seeds, tuning and checks, once."""

import warnings
import weakref
from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from importlib import import_module

import torch
from benchopt import BaseSolver
from benchopt.utils.parametrized_name_mixin import product_param
from torch import nn

from ..judge.metering import count_gflops, give_back, keep_heap, measure
from ..judge.reconstruction import (
    NAN,
    Reconstruction,
    Reconstructions,
    as_estimate,
    check_reconstruction,
)
from ..networks.compiled import compile_parts, compiling, uncompiled
from ..networks.domain import learned_by, outside
from ..networks.precision import InBfloat16, in_fast_layout
from ..networks.weights import noted
from ..physics.needs import refusal
from ..suite import DIGESTS
from ..support.checkpoints import published_path
from ..support.checks import check_known
from ..support.digests import joined
from ..support.parameters import TUNED, DeclaredParameters, NotAllowed
from ..support.precision import use_standard
from ..support.progress import progress
from ..support.text import listed
from . import settings
from .failures import recorded
from .fingerprint import FingerprintMixin
from .tuning import changed_weights, look_up, tuned

# What tuning finds best in float32 is best in bfloat16, and what is best for one sample of
# a posterior is taken for several.
UNTUNED = {"precision", "repetitions"}


class OnDevice(Sequence):
    """Observations on a device, made anew at each access; none of them is kept."""

    def __init__(self, observations, device):
        self.observations, self.device = observations, device

    def __len__(self):
        return len(self.observations)

    def __getitem__(self, index):
        return self.observations[index].to(self.device)

    def visit(self, function, label):
        """The results of function(index, observation); each observation is freed.

        Parameters
        ----------
        function : callable
        label : str
            For the progress.
        """
        results = []
        for index in progress(range(len(self)), label):
            observation = self[index]
            physics = weakref.ref(observation.physics)
            results.append(function(index, observation))
            del observation
            give_back(physics)
        return results


class ReconstructionSolver(DeclaredParameters, FingerprintMixin, BaseSolver):
    """A method that maps measurements to an image.

    A subclass states `name`, `parameters` (see `support.parameters`) and writes `build`.
    The law: `build`
    returns a callable ``(y, physics) -> x_hat`` with x_hat of the image's shape, on
    y's device; it never sees the truth. The callable may return ``(x_hat, spread)``:
    spread is the error that the method expects of each number, a standard deviation. It
    may return an `Estimate`, which also holds a kernel that the method found.
    Parameters whose value is "tuned" reach `build` with the value that is best on the
    tuning set. A parameter `precision` ("float32" or "bfloat16") does not reach it:
    networks that go through `place` run in it, operators always in float32.

    Attributes
    ----------
    needs : set of str
        What the method needs of a problem, keys of `physics.needs.NEEDS`. It skips the
        problems that do not offer it.
    published : tuple of str
        File names of the authors' checkpoints, for solvers with `weights`.
    context : deepinv.distributed.DistributedContext or None
        Processes that share the work, where the command `distributed` runs the method.
    end_to_end : dict or None
        For networks that were trained through all of `build`'s callable, which then
        takes batches: the parameters that the training had, where others are default.
    """

    sampling_strategy = "run_once"
    needs = {"linear", "known operator", "2d"}
    published = ()
    end_to_end = None
    context = None

    def build(self, example, **parameters):
        """Return the reconstructor.

        Parameters
        ----------
        example : Observation
            The first one: shape of the image, operator with its noise, on the device.
        **parameters
            The solver's own, resolved.
        """
        raise NotImplementedError

    def fit(self, observations):
        """Learn from the measurements of all images, before the first reconstruction.

        Optional. The time and the memory that it takes are columns of the results.

        Parameters
        ----------
        observations : iterable of Observation
            On the device, made anew at each pass.
        """

    def unsupported(self, example):
        """Why the method with these parameters cannot do a problem, or None if it can.

        For what depends on the parameters; everything else is in `needs`.
        """
        return None

    def refusal(self, example):
        """Why the method skips a problem, or None if it does not."""
        return refusal(self.needs, example.offers) or self.unsupported(example)

    def save_parameters(self, **parameters):
        """Replace weights=auto by what is on disk, so that names say what ran."""
        parameters = {**next(product_param(self.parameters)), **parameters}
        if parameters.get("weights") == "auto":
            on_disk = [published_path(name).exists() for name in self.published]
            found = on_disk and all(on_disk)
            parameters["weights"] = "published" if found else "bundled"
        super().save_parameters(**parameters)

    def checkpoints(self):
        """File names of the authors' checkpoints that the solver uses; its key has them."""
        return self.published if self._parameters.get("weights") == "published" else ()

    @property
    def unusable(self):
        missing = (not published_path(name).exists() for name in self.checkpoints())
        return bool(self.refused) or any(missing)

    def _get_state(self):
        state = {
            "threads": settings.threads(),
            "device": settings.device_name(),
            "compiled": settings.compiled(),
        }
        if names := self.checkpoints():
            files = DIGESTS.of(map(published_path, names))
            state["weights"] = joined((p.name, digest) for p, digest in files.items())
        return super()._get_state() | state

    @property
    def tables(self):
        return (self.name,)

    def skip(self, observations, tuning):
        try:
            with recorded(self._run_context):
                self.check_parameters()
                reason = self.refusal(observations[0])
        except (NotAllowed, FileNotFoundError) as error:  # the cell counts as failed
            return True, str(error)
        return reason is not None, reason and f"{self.name} {reason}"

    def set_objective(self, observations, tuning):
        self.use_machine()
        with recorded(self._run_context):
            self.observations = OnDevice(observations, self.device)
            self.settle(observations.task, tuning)
            self.networks, self.gflops = [], {}
            self.parts, self.compile_times = [], {}
            with noted() as weights:
                self.reconstruct = self.build(self.observations[0], **self.values)
            if not callable(self.reconstruct):
                raise TypeError(
                    f"build of {self.name} returns a {type(self.reconstruct).__name__}: let it "
                    "return a callable (y, physics) -> x_hat."
                )
            self.learned = self.learned_by(weights)
            if isinstance(self.reconstruct, nn.Module):
                self.reconstruct = self.place(self.reconstruct)

    def learned_by(self, weights):
        """What networks that were trained end to end learned; None for other methods."""
        if self.end_to_end is None:
            return None
        published = self._parameters.get("weights") == "published"
        return learned_by(self.published if published else weights)

    def use_machine(self):
        """Take what the settings give: device, threads, whether networks are compiled."""
        keep_heap()
        self.device = settings.device()
        self.threads = settings.threads()
        self.compiled = settings.compiled()
        settings.use_threads(self.threads)
        use_standard()
        self.networks, self.parts = [], []

    def settle(self, task, tuning):
        """Resolve the parameters that are "tuned": by the table, else by a search."""
        self.values = self.given({"precision"})
        self.tuned, self.trials = "", 0
        if self.open_parameters():
            found = look_up(self.name, task, self.fixed_parameters())
            if found is None:
                found = self.search(tuning)
            elif stale := changed_weights(found):
                warnings.warn(self.advice(stale), stacklevel=2)
            self.values |= found["values"]
            self.trials = found["trials"]
            self.tuned = listed(found["values"])

    def advice(self, stale):
        """What to do about tuned values that were found with other weights."""
        fixed = ",".join(f"{k}={v}" for k, v in self.fixed_parameters().items())
        context = self._run_context
        problem = f' --problems "{context.dataset_name}"' if context else ""
        return (
            f"The tuned values of {self.name} were found with other weights of "
            f"{', '.join(stale)} than those that are loaded: renew them with `python -m "
            f'benchmark_inverse_problems tune "{self.name}[{fixed}]"{problem}`.'
        )

    def open_parameters(self):
        """The parameters whose value is "tuned"."""
        return {
            k: self.parameters[k] for k, v in self._parameters.items() if v == TUNED
        }

    def fixed_parameters(self):
        """The parameters that have a value and that tuning depends on."""
        return self.given(UNTUNED)

    def given(self, excluded):
        """The parameters that have a value, but the excluded ones."""
        return {
            k: deepcopy(v)  # a method may write into a list
            for k, v in self._parameters.items()
            if v != TUNED and k not in excluded
        }

    def search(self, tuning, trials=0, start=None):
        """Search on the tuning set; what it found, after `trials` trials if not 0.

        It starts from the values `start`, if they are given.
        """
        observations = OnDevice(tuning.observations, self.device)
        example = observations[0]

        def build(**values):
            values |= self.fixed_parameters()
            reconstruct = self.reconstructor(example, **values)
            self.fit(observations)
            return reconstruct

        with noted() as weights:
            found = self.best(build, tuning, trials, start)
        return found | ({"weights": weights} if weights else {})

    def best(self, build, tuning, trials, start=None):
        """The entry of the table that a search finds, see `tuning.tuned`."""
        parameters = self.open_parameters()
        return tuned(build, parameters, tuning, self.device, trials, start)

    def reconstructor(self, example, **parameters):
        """The method as one callable ``(y, physics) -> x_hat``."""
        return self.build(example, **parameters)

    def place(self, network):
        """Put a network on the device, ready for inference, and count its parameters.

        Where the settings say so, the untimed pass compiles it.

        Raises
        ------
        ValueError
            If the solver's precision is not known.
        """
        network = in_fast_layout(network.to(self.device))
        network = network.eval().requires_grad_(False)
        self.networks.append(network)
        if self.compiled != settings.OFF:
            cuda_graphs = self.compiled == settings.CUDA_GRAPHS
            self.parts += compile_parts(network, cuda_graphs)
        precision = self._parameters.get("precision", "float32")
        check_known("precision", precision, settings.PRECISIONS)
        return network if precision == "float32" else InBfloat16(network)

    def count(self, network, *arguments):
        """Count the parameters of a network that the method makes anew for each image.

        Parameters
        ----------
        network : callable (*arguments) -> nn.Module
        """
        with torch.device("meta"):  # its parameters have shapes and no values
            self.networks.append(network(*arguments))

    def learn(self):
        """Let the method `fit` the measurements; its costs, for the reconstructions."""
        if type(self).fit is ReconstructionSolver.fit:
            return {}
        torch.manual_seed(self.get_seed(use_repetition=True))
        # Optimizers import it at their first use, which is no cost of the method.
        import_module("torch._dynamo")
        fit = partial(self.fit, self.observations)
        _, seconds, memory = measure(fit, self.device)
        return {"fit_time": seconds.wall, "fit_memory": memory}

    def operations(self, index, observation):
        """10^9 operations, counted in one untimed pass per image size, which warms up.

        Not benchopt's `warm_up`: that runs once per solver, not once per problem. The pass
        has an operator of its own: what a method writes into one, or keeps in it, is not
        there when the clock runs.
        """
        shape = observation.shape
        if shape not in self.gflops:
            own = self.observations[index]
            with uncompiled():
                self.gflops[shape] = self.counted(own)
            self.compile_times[shape] = self.compile(own)
        return self.gflops[shape]

    def passes(self, observation):
        """The untimed calls, in order, that count operations or compile."""
        return [partial(self.call, observation.y.clone(), observation.physics, 0)]

    def counted(self, observation):
        (call,) = self.passes(observation)
        return count_gflops(call)[1]

    def compile(self, observation):
        """Compile the networks for an image's size in an untimed pass.

        Returns
        -------
        float
            The seconds that compiling took, 0 if the process had done it already, and NaN
            if nothing of the reconstruction is compiled.
        """
        if not self.parts:
            return NAN
        with compiling() as done:
            for call in self.passes(observation):
                call()
        return done.seconds if done.used else NAN

    def call(self, y, physics, index):
        """One reconstruction.

        Each image has its own seed: results do not depend on which other images are run.
        """
        torch.manual_seed((self.get_seed(use_repetition=True) + index) % 2**32)
        with torch.no_grad():
            return self.reconstruct(y, physics)

    def run(self, _):
        with recorded(self._run_context):
            one = partial(self.metered, self.learn())
            self.result = Reconstructions(self.observations.visit(one, self.name))

    def metered(self, learned, index, observation):
        """The reconstruction of one image, with its costs and those of learning."""
        gflops = self.operations(index, observation)
        # The clone is for methods that write into their y.
        y, physics = observation.y.clone(), observation.physics
        call = partial(self.call, y, physics, index)
        result, seconds, peak_memory = measure(call, self.device)
        found = as_estimate(result)
        check_reconstruction(found.x_hat, observation.shape, found.spread)
        costs = {"runtime": seconds.wall, "cpu_time": seconds.cpu, "gflops": gflops}
        costs["peak_memory"] = peak_memory
        return self.report(observation, found, **costs, **learned)

    def report(self, observation, found, **costs):
        """An estimate, `Estimate`, with its costs and the settings behind it.

        The images are copies: a method may use its buffers again.
        """
        parameters = {
            id(p): p.numel() for network in self.networks for p in network.parameters()
        }
        images = [
            None if x is None else x.detach().to("cpu", copy=True)
            for x in (found.x_hat, found.spread)
        ]
        known = self.learned is not None
        return Reconstruction(
            *images,
            errors=found.errors,
            kernel=None if found.kernel is None else found.kernel.detach().cpu(),
            outside=outside(self.learned, observation) if known else "",
            parameters=sum(parameters.values()),
            threads=self.threads,
            device=settings.device_name(),
            compiled=self.compiled,
            compile_time=self.compile_times[observation.shape],
            trials=self.trials,
            tuned=self.tuned,
            **costs,
        )

    def get_result(self):
        return {"reconstructions": self.result}
