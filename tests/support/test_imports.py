"""What takes seconds to import is imported by those who use it."""

import subprocess
import sys

import torch._dynamo.utils

from benchmark_inverse_problems.support.torchvision import is_compile_supported

from ..conftest import ROOT

# The stages follow each other in one process: starting one takes longer than all stages.
STAGES = """
import sys

def absent(*names):
    found = [name for name in names if name in sys.modules]
    assert not found, found

from benchmark_inverse_problems.commands.dashboard import main
from benchopt.benchmark import Benchmark
benchmark = Benchmark(".")
benchmark.check_plots()
absent("torch", "deepinv", "scipy.stats", "skimage")
assert benchmark.get_solvers() and benchmark.get_datasets()
assert "torch" in sys.modules and "deepinv" in sys.modules
absent("torch._dynamo", "scipy.stats", "scipy.optimize", "skimage.restoration")

import torch, torchvision
boxes = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]
assert torchvision.ops.roi_align(torch.ones(1, 1, 8, 8), boxes, 2).eq(1).all()
"""


def test_listing_plugins_imports_neither_statistics_nor_the_compiler():
    found = subprocess.run(
        [sys.executable, "-c", STAGES], cwd=ROOT, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr


def test_the_stand_in_asks_torch():
    for device in ("cpu", "cuda", "mps"):
        expected = torch._dynamo.utils.is_compile_supported(device)
        assert is_compile_supported(device) == expected
