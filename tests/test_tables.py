"""Tables for papers: means over the images, problems by solvers, published figures."""

import io

import pandas as pd
import pytest

from benchmark_inverse_problems import tables
from benchmark_inverse_problems.metrics import METRICS
from benchmark_inverse_problems.published import PUBLISHED
from benchmark_inverse_problems.tables import (
    formatted,
    pivot,
    short,
    with_published,
)

PROBLEM = PUBLISHED[0].problem.format(25)


def results(problem="p[a=1]"):
    rows = [
        (problem, "tv[weight=tuned]", "cat", 20.0, 1),
        (problem, "tv[weight=tuned]", "dog", 30.0, 1),
        (problem, "rim", "cat", 10.0, 1),
        (problem, "rim", "cat", 28.0, 2),
        ("q", "tv[weight=tuned]", "cat", 21.0, 1),
    ]
    columns = ["dataset_name", "solver_name", "objective_image"]
    df = pd.DataFrame(rows, columns=[*columns, "objective_psnr", "stop_val"])
    return df.assign(idx_rep=0)


def test_markdown():
    assert formatted(pivot(results(), "psnr"), "markdown", 2).splitlines() == [
        "| problem | tv | rim |",
        "|---|--:|--:|",
        "| p[a=1] | 25.00 | 28.00 |",
        "| q | 21.00 |  |",
    ]


def test_short_names_drop_tuned_parameters_only():
    assert short("dpir[lambda_=tuned,last=tuned,weights=bundled]") == (
        "dpir[weights=bundled]"
    )
    assert short("tv[weight=0.1]") == "tv[weight=0.1]"
    assert short("a[weights=bundled,z=tuned]") == "a[weights=bundled]"


def test_latex():
    text = formatted(pivot(results("bsd_sr[a=1]"), "psnr"), "latex", 1, ["A note."])
    assert r"bsd\_sr[a=1] & 25.0 & 28.0 \\" in text
    assert r"\toprule" in text and r"\begin{tabular}{lrr}" in text
    assert text.endswith("A note.")


def test_csv_reads_back():
    table = pivot(results(), "psnr")
    text = formatted(table, "csv", 2)
    back = pd.read_csv(io.StringIO(text), index_col="problem")
    assert back.loc["p[a=1]"].tolist() == [25.0, 28.0]
    assert pd.isna(back.loc["q", "rim"])


def test_published_figures_stand_beside_ours_and_are_marked():
    table, notes = with_published(pivot(results(PROBLEM), "psnr"), "psnr")
    assert list(table.columns) == [
        "tv",
        "rim",
        "DnCNN (published)",
        "FFDNet (published)",
    ]
    assert table.loc[PROBLEM, "DnCNN (published)"] == 31.23
    assert pd.isna(table.loc["q", "DnCNN (published)"])
    assert notes[0].startswith("DnCNN: Zhang")
    # Another metric or protocol has no published figure.
    assert with_published(pivot(results(), "psnr"), "psnr")[1] == []


def test_published_rows_name_problems_of_the_suite(benchmark_objects):
    datasets = {d.name: d for d in benchmark_objects.get_datasets()}
    for row in PUBLISHED:
        assert row.metric in METRICS
        for level in row.values:
            name, parameters = row.problem.format(level)[:-1].split("[")
            parameters = dict(item.split("=") for item in parameters.split(","))
            assert set(parameters) == set(datasets[name].parameters)
            known = {
                str(v)
                for k in ("sigma", "factor")
                for v in datasets[name].parameters.get(k, [])
            }
            assert str(level) in known


def test_command(tmp_path, capsys):
    results(PROBLEM).to_parquet(tmp_path / "r.parquet")
    tables.main([str(tmp_path / "r.parquet"), "--published"])
    printed = capsys.readouterr().out.splitlines()
    assert "31.23" in next(line for line in printed if line.startswith(f"| {PROBLEM}"))
    assert "FFDNet: Zhang, Zuo and Zhang, TIP 2018." in printed
    with pytest.raises(SystemExit):
        tables.main([str(tmp_path / "r.parquet"), "--metric", "beauty"])
    assert "invalid choice" in capsys.readouterr().err
