"""Print what each solver costs: parameters, operations, time, memory.

The columns are those of RAM's table of costs: parameters, operations, runtime and
memory of one reconstruction, and memory of training with a batch of 8. Each solver is
measured in a process of its own. All solvers are measured in one run of this command,
so that times are comparable.
"""

import statistics
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pandas as pd
import torch
from benchopt.benchmark import Benchmark
from tqdm import tqdm

from ..judge.metering import measure
from ..report.published import COSTS, COSTS_SOURCE
from ..report.rows import threads_text
from ..report.tables import FORMATS, formatted
from ..solving import settings
from ..studies.provenance import provenance
from ..suite import BENCHMARK, first_result, prepared, solvers
from . import parser

PROBLEM = "cbsd68_deblur_gaussian[images=bundled,level=medium,n_images=1,crop=256]"
TRAINING_BATCH = 8
TRAINING_CROP = 128  # RAM's patches
PAIRS = 3  # of a float32 and a bfloat16 run, for the speed-up
LABELS = {
    "parameters": "parameters [M]",
    "gflops": "GFLOPs",
    "runtime": "runtime [s]",
    "memory": "test memory (batch 1) [MB]",
    "training": f"train memory (batch {TRAINING_BATCH}) [MB]",
    "speed_up": "bfloat16 speed-up",
}


def training_memory(solver):
    """Peak memory, in MB, of the gradient of a batch, in bfloat16 as in our recipes.

    The loss includes all estimates of an iterative network.
    """
    example = next(iter(solver.observations))
    y, physics = example.y, example.physics
    y = y.repeat(TRAINING_BATCH, *[1] * (y.ndim - 1))
    for network in solver.networks:
        network.train().requires_grad_(True)

    def step():
        with torch.autocast(y.device.type, torch.bfloat16):
            estimates = solver.reconstruct(y, physics)
        if torch.is_tensor(estimates):
            estimates = [estimates]
        sum(estimate.float().square().mean() for estimate in estimates).backward()

    return measure(step, solver.device)[2]


def cost(pattern, problem):
    """One row of the table: {column: value}; None if the solver skips the problem.

    Parameters
    ----------
    pattern : str
        One solver with its parameters.
    problem : str
        A dataset with its parameters, of one image.
    """
    (chosen,) = solvers(Benchmark(BENCHMARK), [pattern])
    ready = prepared(chosen, problem)
    if ready is None:
        return None
    found = first_result(ready)
    row = {
        "parameters": found.parameters / 1e6,
        "gflops": found.gflops,
        "runtime": found.runtime,
        "memory": found.peak_memory,
    }
    if "precision" in chosen.parameters:
        pair = [
            prepared(chosen, problem, precision=precision)
            for precision in ("float32", "bfloat16")
        ]
        if None not in pair:
            ratios = []
            for _ in range(PAIRS):
                exact, rounded = (first_result(solver).runtime for solver in pair)
                ratios.append(exact / rounded)
            row["speed_up"] = statistics.median(ratios)
    if chosen.end_to_end is not None:
        trained = prepared(chosen, problem, TRAINING_CROP, **chosen.end_to_end)
        if trained is not None:
            row["training"] = training_memory(trained)
    return row


def main(arguments):
    """Print the table."""
    options = parser(
        "costs", "What each solver costs on one image, and what training it costs."
    )
    options.add_argument("solver", nargs="*", help="as after -s (default: all)")
    options.add_argument("--problem", default=PROBLEM, help="as after -d, of one image")
    options.add_argument("--format", choices=FORMATS, default="markdown")
    options = options.parse_args(arguments)
    benchmark = Benchmark(BENCHMARK)
    everything = [solver.name for solver in benchmark.get_solvers()]
    chosen = solvers(benchmark, options.solver or everything)
    patterns = [str(solver) for solver in chosen]
    rows = {}
    for pattern in tqdm(sorted(patterns), desc="costs"):
        # Memory that another solver freed in the same process would hide the peak.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            row = pool.submit(partial(cost, pattern, options.problem)).result()
        if row is not None:
            rows[pattern] = row
    ours = pd.DataFrame(rows).T.reindex(columns=LABELS)
    table = pd.concat([ours, pd.DataFrame(COSTS).T.reindex(columns=LABELS)])
    notes = [
        f"(published): {COSTS_SOURCE}.",
        f"Measured on {options.problem}; train memory on {TRAINING_CROP}x"
        f"{TRAINING_CROP} patches in bfloat16; {threads_text([settings.threads()])}, "
        f"torch {torch.__version__}.",
    ]
    table = table.rename(columns=LABELS)
    print(formatted(table, options.format, 2, notes, label="method"))
    print(f"\n{provenance()}")
