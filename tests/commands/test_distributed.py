"""Two processes on this machine find what one finds."""

import os
import subprocess
import sys

import pytest
import yaml

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


def scores(tmp_path, processes, config):
    """{row: psnr} that the command prints with some processes."""
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump(config))
    launch = ["-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [sys.executable, *launch, "--nproc-per-node", str(processes)]
        + ["-m", "benchmark_inverse_problems", "distributed", str(path)]
        + ["--format", "csv"],
        cwd=ROOT,
        env=os.environ | {"INVERSE_PROBLEMS_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [
        line
        for line in done.stdout.splitlines()
        if line.lstrip('"').startswith("volume_")
    ]
    return {name: float(rest.split(",")[0]) for name, rest in map(cut, lines)}


def cut(line):
    """The name of a row, which may be in quotation marks, and the rest."""
    if line.startswith('"'):
        name, rest = line[1:].split('",', 1)
    else:
        name, rest = line.split(",", 1)
    return name, rest


def test_two_processes_find_what_one_finds(tmp_path):
    one, two = (scores(tmp_path, processes, CONFIG) for processes in (1, 2))
    assert len(one) >= 5 and one.keys() == two.keys()
    for name, psnr in one.items():
        assert two[name] == pytest.approx(psnr, abs=1e-3), name
