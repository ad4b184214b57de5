"""Two result files are compared cell by cell."""

import pandas as pd
import pytest

from benchmark_inverse_problems.commands import difference


def rows(psnr, solvers=("tv", "ram")):
    return pd.DataFrame(
        {
            "dataset_name": "sr4",
            "solver_name": solver,
            "objective_psnr": psnr + image + 5 * (solver == "ram") - 10 * (step == 0),
            "objective_image": image,
            "stop_val": step,
            "idx_rep": 0,
        }
        for solver in solvers
        for image in (0, 1)
        for step in (0, 1)
    )


@pytest.fixture
def files(tmp_path):
    def write(*tables):
        paths = [tmp_path / f"{i}.parquet" for i in range(len(tables))]
        for table, path in zip(tables, paths, strict=True):
            table.to_parquet(path)
        return list(map(str, paths))

    return write


def test_equal_files(files, capsys):
    assert difference.main(files(rows(30.0), rows(30.0005))) == 0
    assert "2 cells: the largest difference of psnr is 0.0005 dB" in (
        capsys.readouterr().out
    )


def test_a_change_is_found(files, capsys):
    other = rows(30.0)
    ram = other["solver_name"] == "ram"
    other.loc[ram & (other["stop_val"] == 1), "objective_psnr"] += 0.25
    assert difference.main(files(rows(30.0), other)) == 1
    assert "0.25 dB (ram on sr4)" in capsys.readouterr().out
    assert difference.main([*files(rows(30.0), other), "--tolerance", "0.3"]) == 0


def test_a_missing_cell_is_named(files, capsys):
    assert difference.main(files(rows(30.0), rows(30.0, ["tv"]))) == 1
    assert "Only one file has ram on sr4." in capsys.readouterr().out
    assert difference.main(files(rows(30.0, ["ram"]), rows(30.0, ["tv"]))) == 1
    assert "no cell in common" in capsys.readouterr().out
