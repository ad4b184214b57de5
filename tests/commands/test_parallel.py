"""More than one machine: a dask cluster that loses a worker, SLURM, merged results."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import submitit
from benchopt import benchmark, parallel_backends
from benchopt.cli.process_results import merge
from benchopt.parallel_backends import check_parallel_config
from benchopt.parallel_backends.slurm_executor import (
    get_slurm_executor,
    merge_slurm_configs,
)
from benchopt.results import read_results

from benchmark_inverse_problems import __main__ as program
from benchmark_inverse_problems.problems import dataset

from ..conftest import ROOT

KEYS = ["dataset_name", "solver_name", "objective_image"]
TASKS = ("denoise", "deblur", "inpaint")
SOLVERS = ("adjoint", "pseudoinverse", "tv[weight=0.5]", "fatal")
ARGUMENTS = [a for s in SOLVERS for a in ("-s", s)]
ARGUMENTS += [a for t in TASKS for a in ("-d", f"simulated[task={t}]")]
# Kills its process in the middle of the first cell that gets to its second image.
FATAL = """import os, signal
        seen = []
        def reconstruct(y, physics):
            seen.append(y)
            with open({calls!r}, "a") as log:
                log.write(f"{{os.getpid()}}\\n")
            if len(seen) == 3:  # the first call was untimed
                try:
                    open({flag!r}, "x").close()
                    os.kill(os.getpid(), signal.SIGKILL)
                except FileExistsError:
                    pass
            return 0.9 * physics.A_adjoint(y)
        return reconstruct"""


PATIENCE = 150  # seconds, several times what the run takes


def run_apart(suite, *arguments):
    """`benchopt run` in another process: the numbers of the processes, and the results.

    joblib can lose a result of dask's whose worker dies while it is fetched, and then waits
    for ever. The same command goes on with the cells that are cached.
    """
    benchopt = Path(sys.executable).with_name("benchopt")
    options = ["--no-display", "--no-plot", *arguments]
    command = [sys.executable, benchopt, "run", suite.folder, *options]
    numbers = []
    for patience in (PATIENCE, None):
        with subprocess.Popen(
            command,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            numbers.append(str(process.pid))
            try:
                printed, _ = process.communicate(timeout=patience)
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, printed
    (file,) = suite.folder.glob("outputs/*.parquet")
    return numbers, read_results(file)


def scores(df):
    return df.set_index(KEYS).objective_psnr.sort_index()


def test_a_killed_worker_loses_no_cell(suite, monkeypatch):
    # Workers have one thread without being told.
    monkeypatch.delenv("INVERSE_PROBLEMS_THREADS")
    flag, calls = suite.folder / "killed", suite.folder / "calls"
    suite.add_solver("fatal", FATAL.format(flag=str(flag), calls=str(calls)))
    config = str(ROOT / "configs" / "dask.yml")
    numbers, parallel = run_apart(suite, *ARGUMENTS, "--parallel-config", config)
    assert flag.exists(), "a worker was killed"
    assert set(numbers).isdisjoint(calls.read_text().split())
    assert len(calls.read_text().split()) == 3 * (1 + len(TASKS))
    assert (parallel.objective_threads == 1).all()
    sequential = suite.run(*ARGUMENTS, "--no-cache")
    assert len(sequential) == len(SOLVERS) * len(TASKS) * 2
    found, expected = scores(parallel), scores(sequential)
    assert list(found.index) == list(expected.index), "every row, and none twice"
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_image_folders_wait_for_a_benchmark_that_is_being_made(suite, monkeypatch):
    """dask makes one in another thread; benchopt hands it out before it has a name."""
    made = benchmark.Benchmark(suite.folder)
    monkeypatch.setattr(benchmark, "_RUNNING_BENCHMARK", made)
    name = made.__dict__.pop("name")
    threading.Timer(0.3, setattr, (made, "name", name)).start()
    assert dataset.image_folder("mine") == suite.folder / "data" / "mine"
    del made.name
    monkeypatch.setattr(dataset, "PATIENCE", 0)
    with pytest.raises(AttributeError, match="name"):
        dataset.image_folder("mine")


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A machine that looks as if it had SLURM."""
    for name in ("srun", "sbatch"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(parallel_backends, "_DISTRIBUTED_FRONTAL", False)


def test_slurm_config_asks_for_one_gpu_a_job(slurm, tmp_path):
    config = check_parallel_config(str(ROOT / "configs" / "slurm.yml"), None)
    assert config.pop("backend") == "submitit"
    place = SimpleNamespace(get_slurm_folder=lambda: tmp_path / "jobs")
    executor = get_slurm_executor(place, merge_slurm_configs(config))
    assert isinstance(executor._executor, submitit.SlurmExecutor)
    script = executor._executor._make_submission_file_text("command", "1")
    asked = {line for line in script.splitlines() if line.startswith("#SBATCH")}
    assert {
        "#SBATCH --gres=gpu:1",
        "#SBATCH --time=02:00:00",
        "#SBATCH --cpus-per-task=4",
    } <= asked


def test_results_of_two_machines_merge(suite, capsys):
    """`--keep all`: benchopt's default keeps one of the images of a cell."""
    machines = [suite.run("-s", name, "-d", "simulated") for name in ("adjoint", "tv")]
    files = [str(p) for p in sorted(suite.folder.glob("outputs/*.parquet"))]
    chosen = [option for file in files for option in ("-f", file)]
    options = [str(suite.folder), *chosen, "--keep", "all", "-o", "both"]
    merge(options, standalone_mode=False)
    both = read_results(suite.folder / "outputs" / "both.parquet")
    assert len(both) == 4
    for df in machines:
        name = df.solver_name.iloc[0]
        part = scores(both[both.solver_name == name])
        np.testing.assert_array_equal(part, scores(df))
    # Our own command needs no option, and of a cell in both files takes the newest.
    newer = machines[0].assign(run_date="9999", objective_psnr=1.0)
    newer.to_parquet(suite.folder / "newer.parquet")
    target = str(suite.folder / "all.parquet")
    files.append(str(suite.folder / "newer.parquet"))
    assert program.main(["merge", *files, "--output", target]) == 0
    assert f"{target}, with 2 cells and 4 rows" in capsys.readouterr().out
    found = scores(read_results(target))
    expected = scores(both)
    expected[found == 1.0] = 1.0
    assert (found == 1.0).sum() == 2
    np.testing.assert_array_equal(found, expected)
    for arguments, words in (
        ([files[0], files[0], "--output", "new.parquet"], "given twice"),
        ([*files, "--output", target], "is there already: give another name"),
        ([*files, "--output", "new.csv"], "does not end in .parquet"),
        ([str(suite.folder / "no.parquet"), "--output", "new.parquet"], "There is no"),
    ):
        assert program.main(["merge", *arguments]) == 1
        assert words in capsys.readouterr().err
