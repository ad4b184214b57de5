"""The suite without a checkout: what a wheel holds, and where an installed copy works."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from benchopt.results import read_results

from benchmark_inverse_problems import __main__ as program
from benchmark_inverse_problems import suite as library
from benchmark_inverse_problems.commands import dashboard as page
from benchmark_inverse_problems.commands import run as command
from benchmark_inverse_problems.problems.reading import SKIMAGE
from benchmark_inverse_problems.report import dashboard as report

from .conftest import ROOT

FILES = "pyproject.toml setup.py README.md LICENSE objective.py config.yml".split()
FOLDERS = "benchmark_inverse_problems configs datasets plots solvers".split()
CELL = ["-s", "adjoint", "-d", "simulated[n_images=1]", "--no-plot"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the repository without weights, in a folder of the package's name."""
    folder = tmp_path_factory.mktemp("above") / "benchmark_inverse_problems"
    folder.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    left_out = shutil.ignore_patterns("__pycache__", "weights")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=left_out)
    return folder


def built(checkout, kind):
    """The wheel that a build of some kind makes of a checkout."""
    folder = checkout.parent / kind
    code = (
        "import sys, setuptools.build_meta as build\n"
        "getattr(build, f'build_{sys.argv[1]}')(sys.argv[2])"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, kind, folder],
        cwd=checkout,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(checkout):
    """A folder with what the wheel of a checkout holds."""
    folder, gone = checkout.parent / "site-packages", checkout / "solvers" / "gone.py"
    gone.touch()
    built(checkout, "wheel").unlink()
    gone.unlink()  # the second build forgets it
    with zipfile.ZipFile(built(checkout, "wheel")) as wheel:
        wheel.extractall(folder)
    return folder


def python(*arguments, cwd, path):
    """What a process of its own prints, with a folder in front of the installed ones."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BENCHOPT_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(path), "INVERSE_PROBLEMS_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_wheel_holds_all_plugins(installed):
    copy = installed / "benchmark_inverse_problems" / library.COPY.name
    found = {str(path.relative_to(copy)) for path in copy.rglob("*.*")}
    expected = {"objective.py", "config.yml"} | {
        f"{folder}/{path.name}"
        for folder, pattern in (
            ("configs", "*.yml"),
            ("datasets", "*.py"),
            ("plots", "*.py"),
            ("solvers", "*.py"),
        )
        for path in (ROOT / folder).glob(pattern)
    }
    assert found == expected


@pytest.mark.slow
def test_a_wheel_runs_in_an_empty_folder(installed, tmp_path):
    run = ["-m", "benchmark_inverse_problems", "run"]
    printed = python(*run, *CELL, cwd=tmp_path, path=installed)
    assert f"Results: {tmp_path / 'outputs'}" in printed
    assert list(tmp_path.glob("__cache__/*/benchopt"))
    copy = installed / "benchmark_inverse_problems"
    assert not {"outputs", "__cache__"} & {path.name for path in copy.rglob("*")}


def test_an_installed_copy_works_in_the_current_folder(suite, tmp_path, monkeypatch):
    work = tmp_path / "work"
    (work / "data" / "own").mkdir(parents=True)
    shutil.copy(SKIMAGE / "coffee.png", work / "data" / "own")
    monkeypatch.setattr(library, "COPY", suite.folder)
    monkeypatch.setattr(library, "STARTED", work)
    for name in ("BENCHOPT_CACHE", "BENCHOPT_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in library.variables(suite.folder).items():
        monkeypatch.setenv(name, value)
    for module in (command, report, page):
        monkeypatch.setattr(module, "BENCHMARK", suite.folder)
    problem = "simulated[images=own,n_images=1]"
    assert command.main(["-s", "adjoint", "-d", problem, "--no-plot"]) == 0
    (file,) = work.glob("outputs/*.parquet")
    assert read_results(file)["objective_image"].tolist() == ["coffee.png"]
    assert list(work.glob("__cache__/*/benchopt"))
    page.main([])
    assert file.with_suffix(".html").exists()
    found = {path.name for path in suite.folder.iterdir()}
    assert not {"outputs", "__cache__", "data"} & found


def test_the_folder_above_a_checkout_has_no_empty_package(checkout):
    with zipfile.ZipFile(built(checkout, "editable")) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".pth")]
        (path,) = wheel.read(name).decode().split()
    code = "import benchmark_inverse_problems as found; print(found.__file__)"
    printed = python("-c", code, cwd=checkout.parent, path=path)
    assert printed.strip() == str(checkout / checkout.name / "__init__.py")


def test_where_the_plugins_are(tmp_path):
    package = tmp_path / "benchmark_inverse_problems"
    for folder in (package / "plugins", tmp_path):
        with pytest.raises(FileNotFoundError, match="install the package again"):
            library.located(tmp_path / "elsewhere" / "benchmark_inverse_problems")
        (folder / "solvers").mkdir(parents=True)
        (folder / "objective.py").touch()
        assert library.located(package) == folder  # the checkout wins


def test_a_checkout_is_its_own_home(monkeypatch, tmp_path):
    assert library.home(tmp_path) == tmp_path
    monkeypatch.setattr(library, "STARTED", tmp_path)
    assert library.home(library.COPY) == tmp_path


@pytest.mark.parametrize("command", ["readme", "site", "new-solver x", "tune tv"])
def test_what_needs_a_checkout_says_so(command, monkeypatch, capsys):
    monkeypatch.delenv(program.TRACEBACK, raising=False)
    monkeypatch.setattr(library, "BENCHMARK", library.COPY)
    assert program.main(command.split()) == 1
    printed = capsys.readouterr().err
    assert f"{command.split()[0]} writes into the repository" in printed
    assert len(printed.strip().splitlines()) == 1


def test_the_version_is_a_commit_or_the_packages(monkeypatch, tmp_path):
    version = library.version
    assert version().startswith("commit ") or not (ROOT / ".git").exists()
    monkeypatch.setattr(library, "BENCHMARK", tmp_path)
    assert version() == f"version {library.__version__}"
