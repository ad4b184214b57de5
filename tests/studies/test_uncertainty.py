"""The study of uncertainty: means over the images, and ranks over them."""

import pandas as pd
import pytest
from benchopt.benchmark import Benchmark

from benchmark_inverse_problems.judge.metrics import SHARES
from benchmark_inverse_problems.studies import uncertainty as study
from benchmark_inverse_problems.suite import BENCHMARK, configured, solvers


def rows(solver, psnr, bias, level):
    common = {"dataset_name": "p[images=a]", "solver_name": solver, "idx_rep": 0}
    return [
        common
        | {
            "stop_val": 1,
            "objective_image": str(k),
            "objective_psnr": psnr[k],
            "objective_psnr_bias": bias[k],
            "objective_error_level": level[k],
            "objective_spread_rank": 0.5,
            "objective_sharpness": 0.1 * k,
            **{f"objective_coverage_{share}": share / 100 for share in SHARES},
        }
        for k in range(len(psnr))
    ]


def test_tables_have_means_and_ranks():
    nan = float("nan")
    df = pd.DataFrame(
        rows("a", [20, 30, 25], [1, 1, 1], [0.9, 0.91, 0.2])
        + rows("b", [20, 30, 25], [20, 0, 10], [nan, nan, nan])
    )
    found = study.tables(df)["p"]
    a, b = found.loc["a"], found.loc["b"]
    assert a["PSNR"] == 25 and a["images"] == 3 and a["bias [dB]"] == 1
    assert a["rank over images"] == pytest.approx(1)
    assert a["90 %"] == pytest.approx(0.9)
    assert a["error coverage 90%"] == pytest.approx(2 / 3)
    assert b["rank over images"] == pytest.approx(-1)
    assert pd.isna(b["error coverage 90%"])


def test_one_image_has_no_rank():
    found = study.tables(pd.DataFrame(rows("a", [20], [1], [0.5])))["p"]
    assert pd.isna(found.loc["a", "rank over images"])


def test_the_config_compares_naive_and_equivariant_raw_and_calibrated():
    _, patterns = configured(study.CONFIG)
    found = {
        (s.transform, s.calibration)
        for s in solvers(Benchmark(BENCHMARK), patterns)
        if s.name == "ram_bootstrap"
    }
    pairs = {(t, c) for t in ("none", "flips") for c in ("none", "tuned")}
    assert pairs <= found
