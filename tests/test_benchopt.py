"""benchopt's own test suite, and its commands on this one."""

import os
import subprocess
import sys
from pathlib import Path

from benchopt.benchmark import Benchmark
from benchopt.cli import benchopt
from benchopt.cli.main import run as benchopt_run

from .conftest import ROOT


def test_benchopt_test():
    command = [sys.executable, "-m", "benchopt", "test", str(ROOT), "--skip-install"]
    # benchopt starts the first pytest on the path.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert " passed" in result.stdout
    assert " failed" not in result.stdout


def test_info(capsys):
    benchopt(["info", str(ROOT)], standalone_mode=False)
    printed = capsys.readouterr().out
    for name in ("ram", "dpir", "div2k_sr4", "phantom_mri"):
        assert name in printed


def test_info_of_every_problem_and_solver(capsys):
    """Its own sentence, its parameters, and what they may be."""
    suite = Benchmark(ROOT)
    for option, plugins in (("-d", suite.get_datasets()), ("-s", suite.get_solvers())):
        for plugin in plugins:
            benchopt(["info", str(ROOT), option, plugin.name], standalone_mode=False)
            printed = capsys.readouterr().out
            assert plugin.__doc__.splitlines()[0] in printed
            for parameter, values in plugin.parameters.items():
                assert f"{parameter}: {', '.join(map(str, values))}" in printed
            for values in plugin.parameters.values():
                assert values.allowed() in printed and values.meaning in printed


def test_a_run_leaves_a_dashboard(suite):
    arguments = ["-s", "adjoint", "-s", "bicubic", "-d", "simulated[task=sr]"]
    df = suite.run(*arguments, plot=True)
    assert set(df.solver_name) == {"adjoint", "bicubic"}
    (page,) = suite.folder.glob("outputs/*benchopt_run_*.html")
    text = page.read_text()
    for word in ("leaderboard", "gallery", "quality_runtime", "data:image/png"):
        assert word in text


def test_config_file(suite):
    config = suite.folder / "mine.yml"
    config.write_text("solver: [adjoint]\ndataset: ['simulated[task=deblur]']\n")
    benchopt_run(
        [str(suite.folder), "--config", str(config), "--no-display", "--no-plot"],
        standalone_mode=False,
    )
    assert list(suite.folder.glob("outputs/*.parquet"))
