"""The base class of solvers whose estimates are watched while they run."""

from dataclasses import replace
from functools import partial
from itertools import count

import torch
from benchopt.stopping_criterion import StoppingCriterion

from ..judge.metering import MB, count_gflops, measure, timed
from ..judge.reconstruction import (
    Reconstructions,
    as_estimate,
    check_reconstruction,
)
from ..support.iterates import last
from ..support.progress import progress
from .failures import recorded
from .solver import ReconstructionSolver

# Iterations between two points of a curve grow by this factor.
GROWTH = 1.25


def following(point):
    """The next iteration at which a curve has a point."""
    return max(point + 1, int(point * GROWTH))


class OwnRule(StoppingCriterion):
    """The solver's own rule and budget end it: no metric, no clock, no --max-runs.

    benchopt's criteria watch the objective, which knows the truth. Its time limit cuts a
    run by the speed of the machine and caches that as done.
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
    first one is the initial estimate. One more follows after each iteration. The iterator
    ends by the method's own rule, which sees neither the truth nor the clock. The last
    estimate is the result. Each estimate is an image, or ``(x_hat, spread)``, and may be
    overwritten by the next one.

    Images run one after the other, each with its own clock and memory. benchopt's callback
    is then shown the estimates of all images at the same iteration. The estimates of images
    that have ended stay as they are, so curves are means over all images.

    Attributes
    ----------
    last : int
        Iterations of the image that ran longest.
    shown : int
        The iteration that `result` holds.
    """

    sampling_strategy = "callback"
    stopping_criterion = OwnRule()

    def reconstructor(self, example, **parameters):
        build = self.build(example, **parameters)

        def reconstruct(y, physics):
            return last(build(y, physics))

        return reconstruct

    def passes(self, observation):
        """The start and two iterations: the second may have a state to go on from."""
        iterates = self.call(observation.y.clone(), observation.physics, 0)
        return [partial(advance, iterates) for _ in range(3)]

    def counted(self, observation):
        """Operations of the start and of one iteration."""
        return [count_gflops(step)[1] for step in self.passes(observation)[:2]]

    def run(self, callback):
        with recorded(self._run_context):
            one = partial(self.trajectory, self.learn())
            trajectories = self.observations.visit(one, self.name)
        self.last = max(trajectory[-1].iterations for trajectory in trajectories)
        for point in range(self.last + 1):
            self.shown = point
            self.result = Reconstructions(
                replace(latest(trajectory, point), final=point == self.last)
                for trajectory in trajectories
            )
            if not callback():
                break

    def trajectory(self, learned, index, observation):
        """One image's reconstructions at the points of the curve and at the end."""
        kept = []
        self.operations(index, observation)
        follow = partial(self.follow, index, observation, kept)
        _, _, peak_memory = measure(follow, self.device)
        if self.device.type == "cpu":  # what is kept for the curve is not the method's
            kept_memory = sum(item.x_hat.nbytes for item in kept) / MB
            peak_memory = max(0.0, peak_memory - kept_memory)
        return [replace(item, peak_memory=peak_memory, **learned) for item in kept]

    def budget(self):
        """Iterations of one image at most, if a parameter says so; for the progress."""
        return self.values.get("iterations", self.values.get("steps"))

    def follow(self, index, observation, kept):
        """Run the iterations of one image and append what its curve needs to `kept`."""
        start, step = self.gflops[observation.shape]
        y, physics = observation.y.clone(), observation.physics
        iterates, spent = timed(partial(self.call, y, physics, index), self.device)
        point = 0

        def keep(result, iterations):
            found = as_estimate(result)
            check_reconstruction(found.x_hat, observation.shape, found.spread)
            gflops = start + iterations * step
            costs = {"runtime": spent.wall, "cpu_time": spent.cpu, "gflops": gflops}
            costs["iterations"] = iterations
            kept.append(self.report(observation, found, **costs))

        for iterations in progress(count(), "iterations", self.budget()):
            result, seconds = timed(partial(advance, iterates), self.device)
            spent += seconds
            if result is None:
                break
            if iterations == point:
                keep(result, iterations)
                point = following(point)
            estimate = result
        if not kept:
            raise ValueError(
                f"{self.name} yielded no estimate: yield the initial one first."
            )
        if kept[-1].iterations < iterations - 1:
            keep(estimate, iterations - 1)
        kept[-1].runtime, kept[-1].cpu_time = spent.wall, spent.cpu


@torch.no_grad()
def advance(iterates):
    """The next estimate, or None at the end."""
    return next(iterates, None)


def latest(trajectory, point):
    """The last of an image's reconstructions up to some iteration."""
    return next(item for item in reversed(trajectory) if item.iterations <= point)
