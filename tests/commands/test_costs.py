"""The table of costs: what is counted, and how it is laid out."""

import pytest

from benchmark_inverse_problems.commands import costs
from benchmark_inverse_problems.networks import ram

PROBLEM = "cbsd68_deblur_gaussian[images=bundled,level=medium,n_images=1,crop=32]"
RAM = "ram[weights=bundled]"


def test_a_network(monkeypatch):
    monkeypatch.setattr(costs, "PAIRS", 1)
    monkeypatch.setattr(costs, "TRAINING_CROP", 64)
    row = costs.cost(RAM, PROBLEM)
    size = sum(p.numel() for p in ram.RAM(light=True).parameters())
    assert row["parameters"] == pytest.approx(size / 1e6)
    assert set(row) == set(costs.LABELS)
    assert row["gflops"] > 0 and row["runtime"] > 0 and row["speed_up"] > 0
    # The gradient of a batch needs more than one reconstruction of a smaller image.
    assert row["training"] > row["memory"]


def test_training_memory_grows_with_the_batch(monkeypatch, benchmark_objects):
    (ram,) = costs.solvers(benchmark_objects, [RAM])
    found = []
    for batch in (1, 8):
        monkeypatch.setattr(costs, "TRAINING_BATCH", batch)
        found.append(costs.training_memory(costs.prepared(ram, PROBLEM, 64)))
    assert found[1] > 3 * found[0]


def test_volumes_have_no_patches_of_pictures(benchmark_objects):
    (ram,) = costs.solvers(benchmark_objects, [RAM])
    assert costs.prepared(ram, "volume_mri[size=16,n_images=1]", 64) is None


def test_what_is_not_trained_has_no_such_costs():
    row = costs.cost("bicubic", "simulated[task=sr]")
    assert row["parameters"] == 0
    assert not {"training", "speed_up"} & set(row)
    assert costs.cost("bicubic", "simulated[task=deblur]") is None


def test_the_table_has_published_rows(capsys, monkeypatch):
    monkeypatch.setenv("INVERSE_PROBLEMS_THREADS", "1")
    costs.main(["bicubic", "adjoint", "--problem", "simulated[task=deblur]"])
    table = capsys.readouterr().out
    assert "| adjoint |" in table and "bicubic" not in table  # it skips blurs
    assert "| PDNet (published) | 0.46 | 60.00 |  | 52.00 | 5815.00 |  |" in table
    assert "; 1 thread, torch" in table
    assert "RAM (Terris et al., ICLR 2026)" in table
