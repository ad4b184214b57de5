"""Nothing is lost: killed runs, full disks, two runs at once, files of strangers."""

import contextlib
import math
import multiprocessing
import os
import pickle
import random
import re
import resource
import shutil
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import joblib
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from benchopt.results import read_results
from benchopt.results.parquet import PICKLE_PREFIX

from benchmark_inverse_problems.commands import run as command
from benchmark_inverse_problems.commands.tables import main as tables
from benchmark_inverse_problems.networks.weights import save_weights
from benchmark_inverse_problems.report.dashboard import dashboard
from benchmark_inverse_problems.solving import fingerprint
from benchmark_inverse_problems.solving.failures import read_failures
from benchmark_inverse_problems.support.atomic import NotWritten, claim, replacing
from benchmark_inverse_problems.training.loop import Recipe, train

# Processes that are killed come from one that has imported everything once.
FORKS = multiprocessing.get_context("forkserver")
IMPORTED = [__name__, "benchmark_inverse_problems.judge.pictures", "skimage.metrics"]
TASKS = ("denoise", "deblur", "inpaint")
# Notes the cells that are computed, in the order in which they start.
COUNTED = """context = self._run_context
        def reconstruct(y, physics):
            with open({log!r}, "a") as log:
                log.write(f"{{context.dataset_name}}|{{context.solver_name}}\\n")
            x_hat = physics.A_adjoint(y)
            for _ in range(600):
                x_hat = 0.9 * x_hat + 0.1 * physics.A_adjoint(y)
            {result}
        return reconstruct"""
RESULTS = {
    "ReconstructionSolver": "return x_hat",
    "IterativeSolver": "yield from (k / 4 * x_hat for k in range(5))",
}


def add_counted(suite, name, base="ReconstructionSolver"):
    log = str(suite.folder / "log")
    build = COUNTED.format(log=log, result=RESULTS[base])
    suite.add_solver(name, build, base=base)


def noted(suite, since=0):
    """The cells that were started, each time they were."""
    log = suite.folder / "log"
    return log.read_text().splitlines()[since:] if log.exists() else []


def arguments(*solvers):
    datasets = [a for task in TASKS for a in ("-d", f"simulated[task={task}]")]
    return [*(a for solver in solvers for a in ("-s", solver)), *datasets]


@pytest.fixture
def small(suite):
    """A suite of few plugins, which benchopt loads quickly."""
    for folder, kept in (("solvers", {"adjoint"}), ("datasets", {"simulated"})):
        for path in (suite.folder / folder).glob("*.py"):
            if path.stem not in kept:
                path.unlink()
    (suite.folder / "config.yml").write_text("plots: [convergence]\n")
    return suite


def child(folder, options, prepare):
    """What a process does: a run of the suite in some folder."""
    with (folder / f"printed_{os.getpid()}").open("w") as printed:
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
    torch.set_num_threads(1)
    os.environ["INVERSE_PROBLEMS_THREADS"] = "1"
    if prepare is not None:
        prepare()
    with (
        patch.object(command, "BENCHMARK", folder),
        # The package may be edited while the tests run; its cells would run again.
        patch.object(fingerprint, "source_fingerprint", lambda **_: "frozen"),
    ):
        sys.exit(command.main(options))


def started(suite, options, prepare=None):
    FORKS.set_forkserver_preload(IMPORTED)
    process = FORKS.Process(target=child, args=(suite.folder, options, prepare))
    process.start()
    return process


def finished(process):
    """The exit status of a process that ends by itself."""
    process.join(300)
    assert process.exitcode is not None, "the run hangs"
    return process.exitcode


def killed_at(process, seconds):
    """Kill -9 after some seconds of computing; the exit status and the seconds."""
    spent = 0
    while process.is_alive() and spent < seconds:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(process.pid).cpu_times()
            spent = times.user + times.system
        time.sleep(0.005)
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    return finished(process), spent


def cached(suite):
    """The cells in benchopt's cache; everything in it can be read."""
    cells = set()
    for path in suite.folder.glob("__cache__/**/run_one_to_cvg/*/output.pkl"):
        _, (dataset, _, solver), status, _ = joblib.load(path)
        assert status == "done"
        cells.add(f"{dataset}|{solver}")
    return cells


def whole_files(suite):
    """The result files that readers see, none of which is half-written."""
    outputs = suite.folder / "outputs"
    for page in outputs.glob("*.html"):
        assert page.read_text().rstrip().endswith("</html>")
    read_failures(outputs)
    return [read_results(file) for file in sorted(outputs.glob("*.parquet"))]


def scores(df):
    keys = ["dataset_name", "solver_name", "objective_image", "stop_val"]
    return df.set_index(keys).objective_psnr.sort_index()


def test_killed_again_and_again_a_run_completes(small):
    add_counted(small, "once")
    add_counted(small, "twice")
    add_counted(small, "iterated", "IterativeSolver")
    options = arguments("adjoint", "once", "twice", "iterated")
    twin = SimpleNamespace(folder=small.folder / "twin")
    shutil.copytree(small.folder, twin.folder)
    status, whole = killed_at(started(twin, options), math.inf)
    assert status == 0
    moments = random.Random(0)
    done, kills = set(), 0
    for attempt in range(60):
        before = len(noted(small))
        # Later attempts may compute longer: on no machine does this go on for ever.
        moment = moments.uniform(0, whole / 4) * 1.1**attempt
        status, _ = killed_at(started(small, options), moment)
        again = done & set(noted(small, since=before))
        assert not again, "computed again after it was finished"
        done = cached(small)
        files = whole_files(small)
        if status != -signal.SIGKILL:
            break
        kills += 1
    assert status == 0
    assert list(small.folder.glob("outputs/.run_*")) == [], "swept by the next run"
    assert kills >= 3
    assert len(done) == 12
    found, (expected,) = scores(files[-1]), map(scores, whole_files(twin))
    assert list(found.index) == list(expected.index)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def dies_in_the_results():
    """The process is killed when half of the result file is written."""
    write = pq.write_table

    def half(table, path):
        write(table, path)
        os.truncate(path, path.stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)

    pq.write_table = half


def dies_in_the_page():
    write = Path.write_text

    def half(path, text, **settings):
        write(path, text[: len(text) // 2], **settings)
        if ".html" in path.name:
            os.kill(os.getpid(), signal.SIGKILL)

    Path.write_text = half


def test_killed_while_it_writes(small):
    add_counted(small, "once")
    outputs = small.folder / "outputs"
    options = arguments("once")
    for prepare in (dies_in_the_results, dies_in_the_page):
        assert finished(started(small, options, prepare)) == -signal.SIGKILL
        assert len(whole_files(small)) == int(prepare is dies_in_the_page)
        assert list(outputs.glob("*.html")) == []
    calls = len(noted(small))
    assert finished(started(small, options)) == 0
    assert [len(df) for df in whole_files(small)] == [6, 6]
    assert len(list(outputs.glob("*.html"))) == 1
    assert len(noted(small)) == calls, "nothing is computed again"


def full_disk():
    """No file may grow beyond some bytes: writes fail half-way, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_full_disk(small):
    add_counted(small, "once")
    assert finished(started(small, arguments("adjoint"))) == 0
    before = contents(small.folder / "outputs")
    process = started(small, arguments("adjoint", "once"), full_disk)
    assert finished(process) == 1
    assert contents(small.folder / "outputs") == before
    printed = (small.folder / f"printed_{process.pid}").read_text()
    sentence = printed.splitlines()[-1]
    assert sentence.startswith("The results cannot be written to ")
    assert "make room and run the same command again" in sentence
    assert "Traceback" not in printed
    assert finished(started(small, arguments("adjoint", "once"))) == 0
    assert sorted(len(df) for df in whole_files(small)) == [6, 12]


WRITERS = {
    "weights.safetensors": lambda path: save_weights({"a": torch.ones(999)}, path, {}),
    "text.json": lambda path: write(path, "1" * 999),
    "checkpoint.pt": lambda path: write(path, torch.ones(999), torch.save),
}


def write(path, content, how=lambda content, path: path.write_text(content)):
    with replacing(path) as temporary:
        how(content, temporary)


def write_on_a_full_disk(name, path, connection):
    """In a process of its own: the limit would stop pytest's files as well."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
    try:
        WRITERS[name](path)
    except NotWritten as error:
        connection.send(str(error))
    connection.close()


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_keeps_what_was_there(name, tmp_path):
    path = tmp_path / name
    WRITERS[name](path)
    before = contents(tmp_path)
    receiver, sender = FORKS.Pipe(duplex=False)
    FORKS.set_forkserver_preload(IMPORTED)
    process = FORKS.Process(target=write_on_a_full_disk, args=(name, path, sender))
    process.start()
    sender.close()
    assert re.search(f"{name} cannot be written .*: make room", receiver.recv())
    assert finished(process) == 0
    assert contents(tmp_path) == before


def same_second():
    """All runs start in one second: benchopt gives their files one name."""
    from datetime import datetime

    from benchopt import runner

    now = datetime(2026, 1, 1)
    runner.datetime = type("Clock", (), {"now": lambda: now})


def test_two_runs_at_once(small):
    for name in ("once", "twice"):
        add_counted(small, name)
    small.add_solver("bad", "raise RuntimeError('the method gave up')")
    first = started(small, arguments("adjoint", "once"), same_second)
    second = started(small, arguments("adjoint", "twice", "bad"), same_second)
    assert finished(first) == 0, "the failures of the other run are not its own"
    assert finished(second) == 1
    solvers = [set(df.solver_name) for df in whole_files(small)]
    assert sorted(solvers, key=sorted) == [{"adjoint", "once"}, {"adjoint", "twice"}]
    assert [len(df) for df in whole_files(small)] == [12, 12]
    outputs = small.folder / "outputs"
    assert len(list(outputs.glob("*.html"))) == 2
    assert {f["solver"] for f in read_failures(outputs)} == {"bad"}
    assert finished(started(small, arguments("adjoint", "once", "twice"))) == 0
    assert len(noted(small)) == 2 * len(TASKS) * 3


def test_all_that_a_run_leaves_is_published(small, monkeypatch):
    """Also results as CSV, and what a solver writes into the run's folder."""
    monkeypatch.setattr(command, "BENCHMARK", small.folder)
    small.add_solver(
        "writer",
        "path = self.get_run_output_path() / 'note'\n"
        "        path.write_text('mine')\n        return lambda y, physics: y",
    )
    outputs = small.folder / "outputs"
    options = ["-s", "writer", "-d", "simulated", "--output", "kept.csv"]
    assert command.main(options) == 0
    assert set(read_results(outputs / "kept.csv").solver_name) == {"writer"}
    (note,) = (outputs / "kept").rglob("note")
    assert note.read_text() == "mine"
    assert list(outputs.glob(".run_*")) == []


@pytest.mark.parametrize("links", [True, False])
def test_a_file_takes_no_name_that_is_taken(links, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError("no links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "new").mkdir()
    for number in range(3):
        file = tmp_path / "new" / "results.parquet"
        file.write_text(str(number))
        claim(file, tmp_path)
        assert not file.exists()
    found = {path.name: path.read_text() for path in tmp_path.glob("*.parquet")}
    names = ("results.parquet", "results_1.parquet", "results_2.parquet")
    assert found == dict(zip(names, "012", strict=True))


@pytest.fixture
def bomb(tmp_path):
    """An object that touches a file when it is unpickled."""

    class Bomb:
        def __reduce__(self):
            return (tmp_path / "flag").touch, ()

    yield Bomb()
    assert not (tmp_path / "flag").exists(), "the file ran code"


def test_pickles_in_a_result_file_are_not_opened(small, bomb, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "benchmark_inverse_problems.report.dashboard.BENCHMARK", small.folder
    )
    df = small.run("-s", "adjoint", "-d", "simulated")
    for column in ("final_results", "objective_psnr", "solver_name"):
        text = PICKLE_PREFIX + pickle.dumps(bomb)
        df.assign(**{column: text}).to_parquet(tmp_path / "evil.parquet")
        with pytest.raises(pickle.UnpicklingError, match="Blocked unsafe class"):
            read_results(tmp_path / "evil.parquet")
        for reader in (dashboard, lambda file: tables([str(file)])):
            with pytest.raises(
                ValueError, match="cannot be read .UnpicklingError.: it"
            ) as refused:
                reader(tmp_path / "evil.parquet")
            assert "Blocked unsafe class" in str(refused.value.__cause__)


def test_pickled_types_in_a_result_file_are_not_made(bomb, tmp_path):
    metadata = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(bomb),
    }
    field = pa.field("solver_name", pa.string(), metadata=metadata)
    table = pa.table([["adjoint"]], schema=pa.schema([field]))
    pq.write_table(table, tmp_path / "evil.parquet")
    assert list(read_results(tmp_path / "evil.parquet").solver_name) == ["adjoint"]


def test_checkpoints_that_would_run_code_are_refused(bomb, tmp_path):
    recipe = Recipe("evil", lambda: torch.nn.Linear(1, 1), None, None, None, 1, 0.1)
    torch.save({"state": bomb}, tmp_path / "evil.checkpoint.pt")
    with pytest.raises(pickle.UnpicklingError, match="Weights only"):
        train(recipe, None, tmp_path, quiet=True)
