"""Rows of different measurements are not compared."""

import pandas as pd
import pytest

from benchmark_inverse_problems.__main__ import main
from benchmark_inverse_problems.report.leaderboard import leaderboard, metadata
from benchmark_inverse_problems.report.rows import (
    mixed_problems,
    outside_cells,
    waiting_solvers,
)
from benchmark_inverse_problems.report.tables import pivot


def results(*marks):
    """One solver for each fingerprint, on one problem, and a sound problem beside it."""
    return pd.DataFrame(
        {
            "dataset_name": problem,
            "solver_name": f"solver_{i}",
            "objective_image": image,
            "objective_psnr": 20.0 + i,
            "objective_fingerprint": mark if problem == "mine" else "sound",
            "objective_threads": 1,
            "objective_device": "cpu (a)",
            "objective_trials": 0,
            "objective_tuned": "",
            "stop_val": 1,
            "idx_rep": 0,
        }
        for problem in ("mine", "other")
        for i, mark in enumerate(marks)
        for image in (0, 1)
    )


def test_mixed_problems_are_found():
    assert mixed_problems(results("a", "a")) == {}
    assert mixed_problems(results("b", "a", "a")) == {"mine": ["a", "b"]}
    assert mixed_problems(results("a", "b").drop(columns="objective_fingerprint")) == {}


def test_tables_refuse_them(tmp_path, capsys):
    assert pivot(results("a", "a"), "psnr").shape == (2, 2)
    with pytest.raises(
        ValueError, match="results of mine are of different measurements"
    ):
        pivot(results("a", "b"), "psnr")
    file = tmp_path / "mixed.parquet"
    results("a", "b").to_parquet(file)
    assert main(["tables", str(file)]) == 1
    printed = capsys.readouterr()
    assert "(fingerprints a, b)" in printed.err and "Traceback" not in printed.err


def test_the_page_marks_them():
    assert "NOT COMPARABLE" not in metadata(results("a", "a"), "mine")["title"]
    title = metadata(results("a", "b"), "mine")["title"]
    assert "NOT COMPARABLE, different measurements: mine" in title
    assert "NOT COMPARABLE" not in metadata(results("a", "b"), "other")["title"]


def test_titles_name_the_machine():
    assert "1 thread, cpu (a)" in metadata(results("a", "a"), "mine")["title"]


def timed(*pairs, device="cpu (a)"):
    """Results with a runtime and a processor time for each solver."""
    df = results(*["a"] * len(pairs))
    index = df["solver_name"].str.removeprefix("solver_").astype(int)
    wall, cpu = zip(*pairs, strict=True)
    return df.assign(
        objective_runtime=[wall[i] for i in index],
        objective_cpu_time=[cpu[i] for i in index],
        objective_device=device,
    )


def test_runtimes_of_a_loaded_machine_are_marked():
    quiet, loaded, short = (1.0, 0.98), (3.0, 1.0), (0.004, 0.001)
    assert waiting_solvers(timed(quiet, (1.0, 1.9), short)) == []
    assert waiting_solvers(timed(quiet, loaded)) == ["solver_1"]
    # The processor waits for a GPU, which is no fault.
    assert waiting_solvers(timed(loaded, device="cuda (b)")) == []
    assert waiting_solvers(timed(loaded).drop(columns="objective_cpu_time")) == []
    title = metadata(timed(quiet, loaded), "mine")["title"]
    assert "the machine was loaded: runtimes of solver_1 are too long" in title
    assert "loaded" not in metadata(timed(quiet, quiet), "mine")["title"]


def test_cells_outside_of_their_training_are_marked(tmp_path, capsys):
    df = results("a", "a").assign(objective_outside="")
    cell = (df["solver_name"] == "solver_1") & (df["dataset_name"] == "mine")
    df.loc[cell, "objective_outside"] = "it learned no tomography"
    assert outside_cells(df) == {("mine", "solver_1"): "it learned no tomography"}
    assert outside_cells(df.drop(columns="objective_outside")) == {}
    title = metadata(df, "mine")["title"]
    assert "† outside of its training: solver_1 (it learned no tomography)" in title
    assert "†" not in metadata(df, "other")["title"]
    solvers = leaderboard(df, "mine")["Solver"]
    assert [name.endswith("†") for name in solvers] == [False, True]
    assert not any("†" in name for name in leaderboard(df, "other")["Solver"])
    file = tmp_path / "outside.parquet"
    df.to_parquet(file)
    note = "† outside of its training. solver_1: it learned no tomography."
    for layout in ("plain", "fire"):
        assert main(["tables", str(file), "--layout", layout]) == 0
        printed = capsys.readouterr().out
        assert printed.count("†") == 2 and note in printed
    assert main(["tables", str(file), "--format", "csv"]) == 0
    assert "†" not in capsys.readouterr().out
