"""A copy of the suite to run benchopt on, and small test pictures."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from benchopt.benchmark import Benchmark
from benchopt.cli.main import run as benchopt_run
from benchopt.results import read_results
from PIL import Image

from benchmark_inverse_problems.suite import DIGESTS
from benchmark_inverse_problems.training.data import HELD_OUT, PatchSampler

ROOT = Path(__file__).parent.parent
PLUGINS = ("objective.py", "config.yml", "datasets", "solvers", "plots")


def pytest_addoption(parser):
    parser.addoption("--plugin", help="only the tests of one solver or problem")


def pytest_collection_modifyitems(config, items):
    """With --plugin NAME keep the cases of that plugin."""
    name = config.getoption("--plugin")
    if name is None:
        return
    kept = [item for item in items if concerns(item, name)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_configure(config):
    """Refuse the name of no plugin before anything is collected."""
    name = config.getoption("--plugin")
    files = (ROOT / kind / f"{name}.py" for kind in ("solvers", "datasets"))
    if name is not None and not any(file.exists() for file in files):
        raise pytest.UsageError(
            f"There is no solver and no problem {name}: give the stem of a file in solvers/ "
            "or datasets/."
        )


def concerns(item, name):
    """Whether a case has a plugin among its parameters: its name, its file, itself."""
    values = getattr(item, "callspec", None)
    return values is not None and any(
        name == text
        for value in values.params.values()
        for text in (value, getattr(value, "stem", ""), getattr(value, "name", ""))
        if isinstance(text, str)  # a table compares with anything, cell by cell
    )


class Suite:
    """A copy of the plugins in which tests may add, change and run things."""

    def __init__(self, folder):
        self.folder = folder
        for name in PLUGINS:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / name)
        for cache in folder.rglob("__pycache__"):
            shutil.rmtree(cache)

    def run(self, *arguments, plot=False):
        """`benchopt run` in this process; the results, or None if there are none."""
        before = set(self.folder.glob("outputs/*.parquet"))
        options = ["--no-display", *([] if plot else ["--no-plot"])]
        try:
            benchopt_run(
                [str(self.folder), *options, *arguments], standalone_mode=False
            )
        except SystemExit:  # every cell failed
            return None
        new = set(self.folder.glob("outputs/*.parquet")) - before
        return read_results(new.pop()) if new else None

    def add_solver(self, name, build, head="", base="ReconstructionSolver"):
        """Write a solver whose `build` has the given body."""
        (self.folder / "solvers" / f"{name}.py").write_text(
            f"{head}\nimport torch\n"
            f"from benchmark_inverse_problems import {base}\n\n\n"
            f"class Solver({base}):\n"
            f'    """A test."""\n\n    name = "{name}"\n\n'
            f"    def build(self, example):\n        {build}\n"
        )


@pytest.fixture(autouse=True)
def one_thread():
    # Images this small lose more to a second thread than they gain.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def not_compiled(monkeypatch):
    """Compiling takes seconds: the tests of it ask for it."""
    monkeypatch.setenv("INVERSE_PROBLEMS_COMPILE", "off")


@pytest.fixture(autouse=True)
def digests(tmp_path, monkeypatch):
    """Digests of test files are not kept in the suite's own cache."""
    monkeypatch.setattr(DIGESTS, "path", tmp_path / "digests.json")


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.setenv("INVERSE_PROBLEMS_THREADS", "1")
    yield Suite(tmp_path)
    Benchmark(ROOT)  # benchopt remembers the last benchmark


@pytest.fixture
def pictures(tmp_path):
    """A folder of three colour pictures of different sizes."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.RandomState(0)
    for i, size in enumerate([(40, 56), (56, 40), (48, 48)]):
        small = rng.randint(0, 256, (5, 5, 3)).astype(np.uint8)
        image = Image.fromarray(small).resize(size[::-1], Image.BICUBIC)
        image.save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="session")
def training_pictures(tmp_path_factory):
    """A folder of a few coarse colour pictures of 160x160 pixels to train on."""
    folder = tmp_path_factory.mktemp("training")
    rng = np.random.RandomState(0)
    for i in range(HELD_OUT + 2):
        coarse = rng.randint(0, 256, (10, 10, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((160, 160), Image.BICUBIC)
        image.save(folder / f"{i:02}.png")
    return folder


@pytest.fixture(scope="session")
def sampler(training_pictures):
    """Patches of these pictures."""
    return PatchSampler([training_pictures], patch=32)


@pytest.fixture(scope="session")
def benchmark_objects():
    """The suite itself, as benchopt sees it."""
    return Benchmark(ROOT)
