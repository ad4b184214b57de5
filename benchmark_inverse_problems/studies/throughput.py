"""How many images a second does a method restore, and what does compiling change?

Each method restores one colour picture at a time, as in the benchmark, in each precision,
with its networks as they are, compiled, and on a GPU also compiled with CUDA graphs. These
take turns, and times are medians. Operators are always in float32. `difference` is the
largest one of the image from that of the same precision uncompiled; uncompiled bfloat16 is
compared with float32. It is relative to the largest value of the image. Compiling is not in
the times. A run fills torch's cache of compiled code, and the next one compiles faster.
``INVERSE_PROBLEMS_DEVICE`` and ``INVERSE_PROBLEMS_THREADS`` hold.
"""

import os
import sys
from functools import partial
from itertools import product
from statistics import median
from unittest.mock import patch

import torch
from benchopt.benchmark import Benchmark

from ..solving import settings
from ..suite import BENCHMARK, prepared, solvers
from ..support.text import markdown_table
from . import study_parser
from .by_turns import by_turns

WEIGHTS = ("ram", "drunet", "unrolled_hqs_tied")
METHODS = ("ram", "dpir", "unrolled")
SIZES = (256, 512)
PROBLEM = "cbsd68_deblur_gaussian[images=bundled,level=medium,n_images=1]"
# Turns of each kind at least, and seconds of one kind after which there are no more.
TURNS, SECONDS = 3, 1.5
HEADER = (
    "method",
    "side",
    "precision",
    "networks",
    "images a second",
    "speed-up",
    "difference",
    "compiling [s]",
)
NAMES = {
    settings.OFF: "uncompiled",
    settings.ON: "compiled",
    settings.CUDA_GRAPHS: "compiled, CUDA graphs",
}


def kinds():
    """The ways to compile that this machine has, of `settings.COMPILED`."""
    device = settings.device()
    found = [settings.OFF]
    if settings.can_compile(device):
        found += [settings.ON]
        found += [settings.CUDA_GRAPHS] if device.type == "cuda" else []
    return found


def made(pattern, problem, size, kind):
    """A solver whose networks are compiled for the first image of a problem.

    Returns
    -------
    call : callable () -> x_hat
    seconds : float
        What compiling took; NaN if nothing is compiled.
    device : torch.device

    Raises
    ------
    ValueError
        If the solver skips the problem.
    """
    (solver,) = solvers(Benchmark(BENCHMARK), [pattern])
    with patch.dict(os.environ, {settings.COMPILE: kind}):
        solver = prepared(solver, problem, size)
    if solver is None:
        raise ValueError(f"{pattern} skips {problem} with crop={size}: take others.")
    observation = solver.observations[0]
    call = partial(solver.call, observation.y, observation.physics, 0)
    call()
    return call, solver.compile(observation), solver.device


def difference(x, reference):
    """Largest difference of two images over the largest value of the second."""
    return float((x - reference).abs().max() / reference.abs().max())


def rows(method, problem, size, precisions, wanted):
    """The rows of the table of one method at one size, one a precision and kind."""
    reference, first = None, None
    for precision in precisions:
        pattern = f"{method}[precision={precision}]"
        ready = {kind: made(pattern, problem, size, kind) for kind in wanted}
        images = {kind: call() for kind, (call, *_) in ready.items()}
        device = ready[wanted[0]][2]
        calls = [call for call, *_ in ready.values()]
        spent = by_turns(calls, device, TURNS, SECONDS)
        times = dict(zip(ready, map(median, spent), strict=True))
        plain = images[wanted[0]]
        for kind in wanted:
            compared = plain if kind != wanted[0] else reference
            first = first or times[kind]
            reference = images[kind] if reference is None else reference
            compiled = ready[kind][1]
            yield (
                method,
                f"{size}",
                precision,
                NAMES[kind],
                f"{1 / times[kind]:.2f}",
                f"{first / times[kind]:.2f}",
                "" if compared is None else f"{difference(images[kind], compared):.1e}",
                "" if compiled != compiled else f"{compiled:.1f}",
            )


def main(arguments):
    """Print the table; its rows also go to the standard error as they come."""
    parser = study_parser("throughput", __doc__)
    parser.add_argument("--methods", nargs="+", default=METHODS, help="as after -s")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument(
        "--precisions",
        nargs="+",
        default=settings.PRECISIONS,
        choices=settings.PRECISIONS,
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        choices=settings.COMPILED,
        help=f"values of {settings.COMPILE} (default: all that the machine has)",
    )
    parser.add_argument("--problem", default=PROBLEM, help="as after -d, without crop")
    options = parser.parse_args(arguments)
    wanted = options.networks or kinds()
    # The others are compared with the first one, which is uncompiled.
    wanted = sorted({settings.OFF, *wanted}, key=settings.COMPILED.index)
    found = []
    for size, method in product(options.sizes, options.methods):
        for row in rows(method, options.problem, size, options.precisions, wanted):
            print(*row, sep="  ", file=sys.stderr, flush=True)
            found.append(row)
    print("\n" + markdown_table(HEADER, found, numbers=True))
    print(f"\ntorch {torch.__version__}, {options.problem}.")
