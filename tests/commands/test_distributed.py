"""Two processes on this machine find what one finds."""

import os
import subprocess
import sys

import pytest
import yaml

from benchmark_inverse_problems.commands import distributed

from ..conftest import ROOT

CONFIG = {
    "dataset": [
        "volume_ct[size=16,views=7,n_images=1]",
        "volume_mri[size=16,acceleration=4,coils=3,n_images=1]",
    ],
    "solver": [
        "adjoint",
        "cg[iterations=4]",
        "unrolled_3d[patch=12,sweeps=1,samples=4]",
    ],
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump(CONFIG))
    return str(path)


def of_two_processes(config):
    """What the first of two processes prints."""
    launch = ["-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [sys.executable, *launch, "--nproc-per-node", "2"]
        + ["-m", "benchmark_inverse_problems", "distributed", config]
        + ["--format", "csv"],
        cwd=ROOT,
        env=os.environ | {"INVERSE_PROBLEMS_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def scores(printed):
    """{row: psnr} of what the command prints."""
    lines = [
        line for line in printed.splitlines() if line.lstrip('"').startswith("volume_")
    ]
    return {name: float(rest.split(",")[0]) for name, rest in map(cut, lines)}


def cut(line):
    """The name of a row, which may be in quotation marks, and the rest."""
    if line.startswith('"'):
        name, rest = line[1:].split('",', 1)
    else:
        name, rest = line.split(",", 1)
    return name, rest


def test_two_processes_find_what_one_finds(config, monkeypatch, capsys):
    monkeypatch.setenv("INVERSE_PROBLEMS_THREADS", "1")
    distributed.main([config, "--format", "csv"])
    one, two = scores(capsys.readouterr().out), scores(of_two_processes(config))
    assert len(one) >= 5 and one.keys() == two.keys()
    for name, psnr in one.items():
        assert two[name] == pytest.approx(psnr, abs=1e-3), name
