"""Where does the time of a method go, and how near are its networks to the machine's limit?

Each method restores one picture. The columns say which share of its time runs in networks,
in operators (A, A^T, proximal operators), in gradients by back-propagation, and in the rest,
such as the finite differences of total variation. `GFLOP/s` are the operations a second of
networks and their gradients, and `of the limit` is their share of the rate of a product of
two 2048x2048 matrices in the same precision, measured in the same process. Operations count
where `torch.utils.flop_counter` knows them: convolutions and matrix products. The shares
are of a second run, in which each call of a Python function is seen. They need a CPU: a GPU
works while Python goes on. A second table has one pass of two denoisers alone.
"""

import sys
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial

import pandas as pd
import torch
from benchopt.benchmark import Benchmark
from tqdm import tqdm

from ..judge.metering import count_gflops
from ..report.names import stems
from ..report.tables import formatted
from ..solving import settings
from ..suite import BENCHMARK, first_result, prepared, solvers
from . import study_parser
from .by_turns import compared
from .side_by_side import authors_drunet, bundled_drunet, placed

WEIGHTS = ("ram", "drunet", "unrolled_hqs_tied", "rim", "jpeg")
SOLVERS = (
    "ram",
    "dpir",
    "unrolled",
    "fire_hqs",
    "rim",
    "dip[iterations=100,stopping=none]",
    "tv",
    "wavelet",
)
PROBLEMS = (
    "cbsd68_deblur_gaussian[images=bundled,level=medium,n_images=1]",
    "div2k_sr4[images=bundled,n_images=1]",
    "phantom_mri[acceleration=4,n_images=1]",
    "phantom_ct[angles=60,n_images=1]",
)
NETWORKS, OPERATORS, GRADIENTS, REST = "networks", "operators", "gradients", "rest"
# Rooms by parts of the paths of their files. Functions elsewhere, such as torch's, belong
# to the room that calls them.
ROOMS = {
    "/benchmark_inverse_problems/networks/": NETWORKS,
    "/deepinv/models/": NETWORKS,
    "/benchmark_inverse_problems/physics/": OPERATORS,
    "/deepinv/physics/": OPERATORS,
    "/benchmark_inverse_problems/methods/": REST,
    "/deepinv/optim/": REST,
    "/deepinv/sampling/": REST,
    "/torch/autograd/__init__.py": GRADIENTS,
}
CPU = torch.device("cpu")
MATRIX, PRODUCTS = 2048, 5
# One pass of each is timed, over a picture of this side.
DENOISERS = {
    "DRUNet of the authors' size": authors_drunet,
    "the bundled denoiser": bundled_drunet,
}
SIDE = 256


@cache
def room(path):
    """The room of a file, or None."""
    path = path.replace("\\", "/")
    return next((name for part, name in ROOMS.items() if part in path), None)


@contextmanager
def clocked():
    """Time what runs inside; yields {room: seconds}, without that of rooms called from it."""
    spent, stack = defaultdict(float), [REST]
    last = time.perf_counter()

    def watch(frame, event, argument):
        nonlocal last
        if event not in ("call", "return"):
            return
        now = time.perf_counter()
        spent[stack[-1]] += now - last
        if event == "call":
            stack.append(room(frame.f_code.co_filename) or stack[-1])
        elif len(stack) > 1:
            stack.pop()
        last = time.perf_counter()

    sys.setprofile(watch)
    try:
        yield spent
    finally:
        sys.setprofile(None)
        spent[stack[-1]] += time.perf_counter() - last


def complete(solver, observation):
    """One reconstruction, with all of its iterations."""
    found = solver.call(observation.y.clone(), observation.physics, 0)
    if isinstance(found, Iterator):
        with torch.no_grad():
            deque(found, maxlen=0)


@cache
def limit(precision):
    """10^9 operations a second of a matrix product."""
    a = torch.rand(MATRIX, MATRIX, dtype=getattr(torch, precision))
    _, (seconds,), _ = compared([lambda: a @ a], CPU, PRODUCTS)
    return 2 * MATRIX**3 / seconds / 1e9


def row(pattern, problem, precision, crop):
    """One row of the table, {column: value}; None if the solver skips the problem."""
    (solver,) = solvers(Benchmark(BENCHMARK), [pattern])
    named = {"precision": precision} if "precision" in solver.parameters else {}
    solver = prepared(solver, problem, crop, **named)
    if solver is None:
        return None
    measured = first_result(solver)
    with clocked() as spent:
        complete(solver, solver.observations[0])
    total = sum(spent.values())
    shares = {
        name: spent[name] / total for name in (NETWORKS, OPERATORS, GRADIENTS, REST)
    }
    found = {"seconds": measured.runtime} | {k: f"{v:.0%}" for k, v in shares.items()}
    learned = (shares[NETWORKS] + shares[GRADIENTS]) * measured.runtime
    if named and measured.gflops and learned:
        found["GFLOP/s"] = measured.gflops / learned
        found["of the limit"] = f"{found['GFLOP/s'] / limit(precision):.0%}"
    return found


def passes(side):
    """{denoiser, precision: {column: value}} of one pass over a colour picture."""
    found = {}
    for name, build in DENOISERS.items():
        for precision in settings.PRECISIONS:
            network = placed(build(), precision)
            call = partial(network, torch.rand(1, 3, side, side), 0.1)
            with torch.no_grad():
                gflops = count_gflops(call)[1]
                _, (seconds,), _ = compared([call], CPU, PRODUCTS)
            rate = gflops / seconds
            found[f"{name}, {precision}"] = {
                "GFLOP": gflops,
                "seconds": seconds,
                "GFLOP/s": rate,
                "of the limit": f"{rate / limit(precision):.0%}",
            }
    return found


def main(arguments):
    """Print the tables."""
    parser = study_parser("time_shares", __doc__)
    parser.add_argument("--solvers", nargs="+", default=SOLVERS, help="as after -s")
    parser.add_argument("--problems", nargs="+", default=PROBLEMS, help="as after -d")
    parser.add_argument(
        "--precision", choices=settings.PRECISIONS, default=settings.PRECISIONS[0]
    )
    parser.add_argument(
        "--crop", type=int, help="side of the pictures (default: theirs)"
    )
    chosen = parser.parse_args(arguments)
    if settings.device().type != "cpu":
        parser.error(f"The shares need a CPU: set {settings.DEVICE}=cpu.")
    pairs = [(s, p) for p in chosen.problems for s in chosen.solvers]
    rows = {}
    for solver, problem in tqdm(pairs, desc="time shares"):
        found = row(solver, problem, chosen.precision, chosen.crop)
        if found is not None:
            short = stems(pd.Series([problem, solver]))
            rows[", ".join(short)] = found
    print(
        "\n" + formatted(pd.DataFrame(rows).T, "markdown", 2, label="problem, solver")
    )
    print(f"\nLimit: {limit(chosen.precision):.0f} GFLOP/s in {chosen.precision}.")
    frame = pd.DataFrame(passes(chosen.crop or SIDE)).T
    print("\n" + formatted(frame, "markdown", 3, label="one pass"))
