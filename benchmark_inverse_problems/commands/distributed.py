"""Run methods on volumes with several processes, which share operators and patches."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from benchopt.benchmark import Benchmark
from deepinv.distributed import DistributedContext

from ..judge.case import judge
from ..physics.parts import shared
from ..report.tables import FORMATS, formatted
from ..solving import settings
from ..solving.solver import OnDevice
from ..suite import BENCHMARK, configured, problems, ready, solvers
from . import PROGRAM, parser

LAUNCH = f"python -m torch.distributed.run --nproc-per-node 2 -m {PROGRAM.split()[-1]}"
COLUMNS = ("psnr", "ssim", "runtime", "peak_memory")


class Shared(OnDevice):
    """Observations with operators that all processes compute together."""

    def __init__(self, observations, device, context):
        super().__init__(observations, device)
        self.context = context

    def __getitem__(self, index):
        observation = super().__getitem__(index)
        return replace(observation, physics=shared(observation.physics, self.context))


def run(solver, dataset, context):
    """The mean scores and costs of a method on a problem; None if it skips it."""
    problem = dataset.get_data()["problem"]
    solver = ready(solver, dataset, problem, context)
    if solver is None:
        return None
    solver.observations = Shared(problem.observations, solver.device, context)
    solver.run(lambda: True)
    found = solver.get_result()["reconstructions"]
    rows = [judge(item, *problem.judged(k)) for k, item in enumerate(found)]
    return {name: float(np.mean([row[name] for row in rows])) for name in COLUMNS}


def main(arguments):
    """Print one row a method and problem, from the first process."""
    options = parser(
        "distributed",
        f"Start it with `{LAUNCH} distributed CONFIG`, with one process a GPU or a few on "
        "CPUs. Operators are cut by coils or views, and unrolled_3d's patches are shared. "
        "Each process holds the volume and its measurements.",
    )
    options.add_argument("config", help="a file like configs/distributed.yml")
    options.add_argument("--format", choices=FORMATS, default="markdown")
    options = options.parse_args(arguments)
    names, patterns = configured(Path(options.config))
    benchmark, rows = Benchmark(BENCHMARK), {}
    warnings.filterwarnings("ignore", "torch.distributed.nn", FutureWarning)
    device = settings.device()
    mode = "gpu" if device.type == "cuda" else "cpu"
    with DistributedContext(device_mode=mode, seed=0, seed_offset=False) as context:
        for dataset in (d for name in names for d in problems(benchmark, name)):
            for solver in solvers(benchmark, patterns):
                row = run(solver, dataset, context)
                if row is not None:
                    rows[f"{dataset}, {solver}"] = row
        if context.rank == 0:
            table = pd.DataFrame(rows).T
            note = f"{context.world_size} processes, torch {torch.__version__}."
            print(formatted(table, options.format, 3, [note], label="problem, method"))
