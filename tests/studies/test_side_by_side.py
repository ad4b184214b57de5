"""The comparison with other libraries runs on a small image."""

import pytest
import torch

from benchmark_inverse_problems.studies import side_by_side


@pytest.fixture
def small(monkeypatch):
    """The study with few rows and few steps."""
    monkeypatch.setattr(side_by_side, "STEPS", {"diffpir": 4, "pnp_pgd": 3, "dip": 2})
    monkeypatch.setattr(side_by_side, "MOST", 256)
    monkeypatch.setattr(side_by_side, "OUR_MOST", 400)
    networks = side_by_side.PAIRS_OF_NETWORKS
    kept = ("DiffPIR, deepinv", "PnP-PGD, deepinv", "deep image prior, deepinv")
    monkeypatch.setattr(
        side_by_side, "PAIRS_OF_NETWORKS", {name: networks[name] for name in kept}
    )
    objectives = side_by_side.SOLVED
    kept = ("total variation, scikit-image", "total variation, deepinv's denoiser")
    monkeypatch.setattr(
        side_by_side, "SOLVED", {name: objectives[name] for name in kept}
    )


def test_both_solve_the_same_problem_or_take_the_same_steps(small, capsys, monkeypatch):
    with torch.no_grad():
        found = side_by_side.rows(32, 1)
    for name, row in found.items():
        assert row["theirs"] > 0 and row["ours"] > 0 and row["faster"] > 0
        assert ("variation" in name) == (row["bfloat16"] is None)
    for name in side_by_side.SOLVED:
        assert float(found[name]["difference"]) < 0.02
        assert abs(found[name]["our_psnr"] - found[name]["their_psnr"]) < 0.05
    # deepinv starts from A^T y, ours from another estimate.
    pgd = found["PnP-PGD, deepinv"]
    assert abs(pgd["our_psnr"] - pgd["their_psnr"]) < 1
    monkeypatch.setattr(side_by_side, "rows", lambda side, pairs, only: found)
    side_by_side.main([])
    printed = capsys.readouterr().out
    for name in found:
        assert printed.count(f"| {name} |") == 1


def test_the_fewest_iterations_near_the_minimum_are_found():
    def run(iterations):
        return lambda y, physics: y / iterations

    near = side_by_side.minimised(run, lambda x, y, physics: 1 + float(x))
    found = near(torch.tensor(1.0), None, 0.1)(torch.tensor(1.0), None)
    assert found <= 0.1 + 1.1 / side_by_side.MOST
    assert found > 0.1 / 1.25**2
