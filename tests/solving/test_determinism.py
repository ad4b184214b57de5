"""The same numbers again, in other processes, and new ones when the code changes."""

import gc
import sys
import threading

import numpy as np

from benchmark_inverse_problems.physics.catalogue import OPERATORS
from benchmark_inverse_problems.solving import fingerprint
from benchmark_inverse_problems.suite import problems as suite_problems

SOLVERS = ["adjoint", "tv", "dpir", "ram"]
ARGUMENTS = [a for s in SOLVERS for a in ("-s", s)] + ["-d", "simulated[task=deblur]"]


def scores(df):
    return df.sort_values(["solver_name", "objective_image"]).objective_psnr.to_numpy()


def test_two_runs_and_two_workers_agree(suite):
    first = suite.run(*ARGUMENTS, "--no-cache")
    assert len(first) == 2 * len(SOLVERS)
    assert (first.objective_threads == 1).all()
    second = suite.run(*ARGUMENTS, "--no-cache")
    workers = suite.run(*ARGUMENTS, "-j", "2", "--no-cache")
    assert (workers.objective_threads == 1).all()
    np.testing.assert_allclose(scores(first), scores(second), atol=1e-3)
    np.testing.assert_allclose(scores(first), scores(workers), atol=1e-3)
    assert set(first.objective_fingerprint) == set(workers.objective_fingerprint)


def test_cache_serves_equal_code_and_recomputes_changed_code(suite, monkeypatch):
    log = suite.folder / "calls.txt"
    suite.add_solver(
        "counted",
        f"open({str(log)!r}, 'a').write('x')\n        return lambda y, physics: y",
    )
    arguments = ["-s", "counted", "-d", "simulated"]
    suite.run(*arguments)
    assert len(suite.run(*arguments)) == 2
    assert log.read_text() == "x", "the second run is served from the cache"
    monkeypatch.setattr(
        fingerprint, "source_fingerprint", lambda **_: "another version"
    )
    suite.run(*arguments)
    assert log.read_text() == "xx", "changed code computes again"


def test_fingerprint_sees_code_weights_and_tables(tmp_path):
    (tmp_path / "code.py").write_text("a = 1")
    (tmp_path / "weights.json").write_text("{}")
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "recipe.py").write_text("a = 1")
    uncached = fingerprint.source_fingerprint.__wrapped__
    seen = [uncached(tmp_path)]
    (tmp_path / "training" / "recipe.py").write_text("a = 2")
    assert uncached(tmp_path) == seen[0], "recipes change no result"
    for name in ("code.py", "weights.json"):
        (tmp_path / name).write_text("a = 3")
        seen.append(uncached(tmp_path))
    assert len(set(seen)) == 3


def test_the_key_holds_what_a_cell_uses(tmp_path):
    """A new operator and another solver's tuned table leave a cell as it is."""
    uncached = fingerprint.source_fingerprint.__wrapped__
    write(
        tmp_path / "methods" / "restorer.py", "from ..physics.operators.blur import f"
    )
    write(tmp_path / "physics" / "operators" / "blur.py", "f = 1")
    write(tmp_path / "physics" / "__init__.py", "from .operators import mri")
    write(tmp_path / "tuned" / "tv.json", "{}")
    first = [uncached(tmp_path), uncached(tmp_path, ("tv",))]
    write(tmp_path / "physics" / "operators" / "mri.py", "g = 1")
    write(tmp_path / "tuned" / "dpir.json", "{}")
    assert [uncached(tmp_path), uncached(tmp_path, ("tv",))] == first
    write(tmp_path / "tuned" / "tv.json", "{ }")
    assert uncached(tmp_path) == first[0]
    assert uncached(tmp_path, ("tv",)) != first[1]
    write(tmp_path / "physics" / "operators" / "blur.py", "f = 2")
    assert uncached(tmp_path) != first[0], "a method imports it"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_key_of_a_problem_holds_its_operator(benchmark_objects, monkeypatch):
    mri, sr = (
        suite_problems(benchmark_objects, problem)[0]
        for problem in ("phantom_mri", "div2k_sr4[images=bundled]")
    )
    before = mri._get_state(), sr._get_state()
    assert mri._get_state() == before[0]
    other = OPERATORS["parallel_mri"]  # as if the file of MRI had changed
    monkeypatch.setitem(OPERATORS, "mri", other)
    assert mri._get_state() != before[0]
    assert sr._get_state() == before[1]


def test_a_parameter_given_as_auto_or_by_name_is_one_cell(suite):
    auto = suite.run("-s", "adjoint", "-d", "div2k_sr4[n_images=1,crop=64]")
    named = "div2k_sr4[images=bundled,n_images=1,crop=64]"
    assert list(auto.dataset_name) == list(
        suite.run("-s", "adjoint", "-d", named).dataset_name
    )
    assert "images=bundled" in auto.dataset_name.iloc[0]


class Interrupts:
    """Garbage that runs Python when it is collected, so that threads take turns."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        sum(range(50))


def test_threads_read_the_code_side_by_side(monkeypatch):
    """dask pickles a solver in two threads; Python 3.11 fails if both parse."""
    files = sorted(fingerprint.PACKAGE.glob("*/*.py"))[:40]
    expected = [fingerprint.imported(path) for path in files]
    found, switching, collecting = [], sys.getswitchinterval(), gc.get_threshold()

    def read():
        names = []
        for path in files:
            Interrupts()
            names.append(fingerprint.imported(path))
        found.append(names)

    threads = [threading.Thread(target=read) for _ in range(4)]
    try:
        sys.setswitchinterval(1e-6)
        gc.set_threshold(20)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switching)
        gc.set_threshold(*collecting)
    assert found == [expected] * 4
