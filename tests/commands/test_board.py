"""A site of result files: what it links, states and refuses."""

import hashlib
import json
import re

import pandas as pd
import pytest

from benchmark_inverse_problems import __main__ as program
from benchmark_inverse_problems.commands import board as command
from benchmark_inverse_problems.report import dashboard as report
from benchmark_inverse_problems.report.submitted import combined, origin

from .test_verify import result


@pytest.fixture
def files(suite, monkeypatch):
    """Two result files of a copy of the suite."""
    monkeypatch.setattr(command, "BENCHMARK", suite.folder)
    monkeypatch.setattr(report, "BENCHMARK", suite.folder)
    monkeypatch.delenv(program.TRACEBACK, raising=False)
    df = suite.run("-s", "adjoint", "-s", "tv", "-d", "simulated[n_images=2]")
    other = df[df["solver_name"] == "adjoint"].copy()
    other["solver_name"], other["objective_device"] = "<img src=x>", "cpu (<b>)"
    paths = [suite.folder / name for name in ("first.parquet", "se cond.parquet")]
    for table, path in zip((df, other), paths, strict=True):
        table.to_parquet(path)
    return paths


def test_a_site(files, suite, monkeypatch, capsys):
    drawn = []

    def dashboard(file, output, outputs):
        drawn.append(pd.read_parquet(file)["solver_name"].nunique())
        # One real page is enough; tests of the dashboard draw all of its views.
        return (
            report.dashboard(file, output, outputs)
            if len(drawn) == 1
            else (output.write_text("a page"))
        )

    monkeypatch.setattr(command, "dashboard", dashboard)
    site = suite.folder / "new" / "site"
    # A failure of this machine is none of the runs' own.
    failures = suite.folder / "outputs" / "failures"
    failures.mkdir(parents=True)
    problem = pd.read_parquet(files[0])["dataset_name"].iloc[0]
    record = {"dataset": problem, "solver": "broken", "error": "no", "time": 1.0}
    (failures / "x.json").write_text(json.dumps(record))
    assert program.main(["board", *map(str, files), "--output", str(site)]) == 0
    assert f"Board: {site / 'index.html'}" in capsys.readouterr().out
    assert drawn == [3, 2, 1]
    page = (site / "index.html").read_text()
    for path in re.findall(r'href="([^"]*)"', page):
        assert (site / path.replace("%20", " ")).is_file()
    for file in files:
        assert hashlib.sha256(file.read_bytes()).hexdigest() in page
        assert (site / "runs" / file.name).read_bytes() == file.read_bytes()
    (versions,) = set(pd.read_parquet(files[0])["objective_versions"])
    assert page.count(versions) == 2
    means = pd.read_parquet(files[0]).groupby("solver_name")["objective_psnr"].mean()
    for mean in means:
        assert f"<td>{mean:.2f}</td>" in page
    assert "broken" not in page + (site / "all.html").read_text()
    assert "<b>" not in page and "<img" not in page and "http" not in page
    assert not re.search(r"src=\"http|url\(", (site / "all.html").read_text()[:4000])
    assert {path.name for path in site.parent.iterdir()} == {"site"}
    assert program.main(["board", str(files[0]), "--output", str(site)]) == 1
    assert "is not an empty folder: name another one" in capsys.readouterr().err


def test_files_that_do_not_fit(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv(program.TRACEBACK, raising=False)
    paths = [str(tmp_path / f"{name}.parquet") for name in "abc"]
    result([1.0]).to_parquet(paths[0])
    result([1.0]).to_parquet(paths[1])
    result([2.0], "other").to_parquet(paths[2])
    for pair, words in (
        (paths[:2], "has the content of"),
        (paths[::2], "p has different fingerprints (a in a, other in c)"),
        ([paths[0], str(tmp_path / "d.parquet")], "There is no file"),
    ):
        output = tmp_path / "site"
        assert program.main(["board", *pair, "--output", str(output)]) == 1
        printed = capsys.readouterr().err
        assert words in printed and len(printed.strip().splitlines()) == 1
        assert not output.exists()


def test_equal_names_stay_apart(tmp_path):
    paths = [tmp_path / folder / "run.parquet" for folder in "ab"]
    for number, path in enumerate(paths):
        path.parent.mkdir()
        result([float(number)]).to_parquet(path)
    assert command.named(paths) == {"run": paths[0], "run_2": paths[1]}


def test_the_newest_of_a_cell_counts():
    tables = {
        "new": result([1.0], run_date="2026-03-01"),
        "old": result([2.0], run_date="2026-02-01"),
        "other": result([3.0], run_date="2026-01-01", solver_name="t"),
    }
    for order in (["new", "old", "other"], ["other", "old", "new"]):
        df = combined({name: tables[name] for name in order})
        assert dict(zip(df["solver_name"], df["objective_psnr"], strict=True)) == {
            "s": 1.0,
            "t": 3.0,
        }
        assert not {"source", "newest"} & set(df)


def test_where_results_come_from():
    stated = result(
        [1.0, 2.0],
        run_date="2026-03-01T10:00",
        objective_threads=[1, 2],
        objective_versions="commit abc, torch 2",
        **{"system-cpus": 8},
    )
    assert origin(stated) == {
        "date": "2026-03-01",
        "versions": "commit abc, torch 2",
        "machine": "1 or 2 threads, 8 cores",
    }
    assert set(origin(result([1.0])).values()) == {"not stated"}
