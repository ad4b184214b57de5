"""Tables for papers: means over the images, problems by solvers, published figures."""

import io

import pandas as pd
import pytest
import yaml
from benchopt.benchmark import _list_parametrized_classes

from benchmark_inverse_problems.commands import tables as command
from benchmark_inverse_problems.judge.metrics import METRICS
from benchmark_inverse_problems.report.comparison import (
    differences,
    image_scores,
    not_distinguishable,
)
from benchmark_inverse_problems.report.overall import to_best
from benchmark_inverse_problems.report.published import PUBLISHED
from benchmark_inverse_problems.report.submitted import read_rows
from benchmark_inverse_problems.report.tables import (
    LAYOUTS,
    Layout,
    abbreviated,
    arranged,
    deviations,
    formatted,
    headers,
    in_order,
    pivot,
    with_published,
)

from ..conftest import ROOT

PROBLEM = PUBLISHED[0].problem.format(25)


def results(problem="p[a=1]"):
    rows = [
        (problem, "tv[weight=tuned]", "cat", 20.0, 1),
        (problem, "tv[weight=tuned]", "dog", 30.0, 1),
        (problem, "rim", "cat", 10.0, 1),
        (problem, "rim", "dog", 10.0, 1),
        (problem, "rim", "cat", 28.0, 2),
        (problem, "rim", "dog", 28.0, 2),
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


@pytest.mark.parametrize("lost", ["row", "value"])
def test_means_over_other_images_are_not_shown(lost, tmp_path, capsys):
    """Without the difficult image, rim would be the best."""
    df = results()
    place = (df["solver_name"] == "rim") & (df["objective_image"] == "cat")
    if lost == "row":
        df = df[~place]
    df.loc[place, "objective_psnr"] = float("nan")
    table = pivot(df, "psnr")
    assert table.loc["p[a=1]", "tv"] == 25
    assert pd.isna(table.loc["p[a=1]", "rim"])
    df.to_parquet(tmp_path / "r.parquet")
    for layout in ("plain", "fire"):
        command.main([str(tmp_path / "r.parquet"), "--layout", layout])
        assert "No psnr on some images: rim on p[a=1]." in capsys.readouterr().out


def test_two_exact_results_are_equal(tmp_path, capsys):
    df = results().assign(objective_psnr=float("inf"))
    assert to_best(image_scores(df[df["stop_val"] == 2], "psnr"))["mean"].tolist() == [
        0
    ]
    scores = image_scores(df, "psnr")
    assert to_best(scores)["mean"].tolist() == [0, 0]
    assert differences(scores)["mean"].tolist() == [0, 0]
    assert not_distinguishable(scores) == {"tv[weight=tuned]", "rim"}


def test_rows_that_stand_twice_count_once(tmp_path):
    df, file = results(), tmp_path / "r.parquet"
    pd.concat((df, df.assign(run_date="later"))).to_parquet(file)
    assert len(read_rows(file)) == len(df)
    pd.concat((df, df.assign(objective_psnr=df["objective_psnr"] + 1))).to_parquet(file)
    with pytest.raises(
        ValueError, match=r"two rows of tv\[weight=tuned\] on p\[a=1\], image cat, and"
    ):
        read_rows(file)


@pytest.mark.parametrize("column", ["stop_val", "idx_rep", "objective_image"])
def test_rows_without_a_place_are_refused(column, tmp_path):
    df = results()
    df[column] = df[column].where(df.index > 0)
    df.to_parquet(tmp_path / "r.parquet")
    with pytest.raises(ValueError, match=f"rows without a value in {column}"):
        read_rows(tmp_path / "r.parquet")


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
    assert notes == ["DnCNN: Zhang et al., TIP 2017."] + [
        "FFDNet: Zhang, Zuo and Zhang, TIP 2018."
    ]
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
            assert str(level) in known or name.endswith(str(level))
            # A protocol is that of all whole images.
            assert (parameters["n_images"], parameters["crop"]) == ("all", "none")


PAPER = "cbsd68_deblur_motion[crop=none,images={},level={},n_images=all]"


def levels():
    """Two image sets at three levels, two images each, and another problem."""
    problems = [
        PAPER.format(images, level)
        for images in ("cbsd68", "urban100")
        for level in ("easy", "medium", "hard")
    ]
    frames = [
        results(problem).iloc[:4] for problem in [*problems, "div2k_sr4[crop=none]"]
    ]
    df = pd.concat(frames, ignore_index=True)
    return df.assign(
        objective_parameters=(df["solver_name"] == "rim") * 1.2e6,
        objective_ssim=df["objective_psnr"] / 100,
    )


def test_methods_in_rows_with_their_parameters():
    """The layout of the paper on RAM: image sets over levels, methods below."""
    table, notes = arranged(levels(), LAYOUTS["ram"])
    assert table.columns.tolist() == [
        ("Params", ""),
        *[
            (f"cbsd68_deblur_motion[images={images}]", f"level={level}")
            for images in ("cbsd68", "urban100")
            for level in ("easy", "medium", "hard")
        ],
        ("div2k_sr4", ""),
    ]
    assert table.loc["tv"].tolist() == ["", *["**25.00**"] * 7]
    assert table.loc["rim"].tolist() == ["1.2M", *["10.00"] * 7]
    assert notes == ["cbsd68_deblur_motion: crop=none, n_images=all."] + [
        "div2k_sr4: crop=none."
    ]
    lines = formatted(table, "markdown", 2, notes, "method").splitlines()
    assert lines[0].startswith(
        "| method | Params | cbsd68_deblur_motion[images=cbsd68] "
    )
    assert lines[2].startswith("| tv |  | **25.00** |")
    text = formatted(table, "latex", 2)
    assert r"\multicolumn{3}{c}{cbsd68\_deblur\_motion[images=urban100]}" in text
    assert r"\textbf{25.00}" in text and "**" not in text
    csv = pd.read_csv(io.StringIO(formatted(table, "csv", 2, (), "method")))
    assert csv.set_index("method").loc["tv", "div2k_sr4"] == 25


def test_rows_of_metrics_and_levels_with_deviations():
    """The layout of the paper on RIM: mean and standard deviation of the mean."""
    table, _ = arranged(levels(), LAYOUTS["rim"])
    assert list(table.index.unique(level=0)) == ["PSNR", "SSIM"]
    # Two images, 20 and 30: the means of two draws are 20, 25, 25 or 30.
    error = deviations(levels(), "psnr").loc["div2k_sr4[crop=none]", "tv"]
    assert error == pytest.approx(5 / 2**0.5, rel=0.02)
    cell = table.loc[("PSNR", "div2k_sr4", ""), "tv"]
    assert cell == f"**25.00\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{error:.2f}**"
    one, _ = arranged(levels()[levels()["objective_image"] == "cat"], LAYOUTS["rim"])
    assert one.loc[("SSIM", "div2k_sr4", ""), "rim"] == "0.1000", "one image"
    assert rf"25.00 $\pm$ {error:.2f}" in formatted(table, "latex", 2)


def test_published_rows_in_the_layout_of_the_paper():
    table, notes = arranged(results(PROBLEM), LAYOUTS["fire"], with_figures=True)
    assert table.loc["DnCNN (published)"].tolist() == ["**31.23**", ""]
    assert "DnCNN: Zhang et al., TIP 2017." in notes
    none, _ = arranged(levels(), LAYOUTS["ram"], with_figures=True)
    assert not any("published" in name for name in none.index)


def test_fire_figures_stand_beside_super_resolution_of_its_images():
    problem = "div2k_sr4[crop=none,images=set3c,n_images=all]"
    table, _ = arranged(results(problem), LAYOUTS["fire"], with_figures=True)
    assert table.loc["PnP DRUNet (published)"].tolist() == ["22.54", ""]


def test_a_metric_without_values_is_named():
    for layout in (LAYOUTS["ram"], Layout(metrics=("residual",))):
        with pytest.raises(ValueError, match="no value of .*: use one of ssim"):
            arranged(levels().drop(columns="objective_psnr"), layout)


def test_levels_are_in_order():
    problems = ["a[s=50]", "b[s=1]", "a[s=5]", "a[s=25]"]
    names, _ = headers(problems)
    assert in_order(problems, names) == ["a[s=5]", "a[s=25]", "a[s=50]", "b[s=1]"]
    words = ["a[l=hard]", "a[l=easy]"]
    assert in_order(words, headers(words)[0]) == words


def test_metrics_where_lower_is_better_have_no_bold():
    df = levels().assign(objective_runtime=1.0)
    table, _ = arranged(df, Layout(metrics=("runtime",)))
    assert not table.map(lambda text: "*" in text).any(axis=None)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, ""), (456_000, "456K"), (999_600, "1.0M"), (35.6e6, "35.6M")],
)
def test_numbers_of_parameters_are_short(count, text):
    assert abbreviated(count) == text


@pytest.mark.parametrize("paper", ["ram", "rim", "fire"])
def test_each_paper_has_a_run_and_a_layout(paper, benchmark_objects):
    path = ROOT / "configs" / f"{paper}_table.yml"
    config = yaml.safe_load(path.read_text())
    assert f"--layout {paper}" in path.read_text() and paper in LAYOUTS
    assert config["output"] == f"{paper}_table"
    solvers = {solver.name for solver in benchmark_objects.get_solvers()}
    # These answer other questions than the papers' tables.
    others = {"ram_bootstrap", "ram_gerchberg_saxton"}
    own = {name for name in solvers if name.startswith(paper)} - others
    assert own <= {name.split("[")[0] for name in config["solver"]}
    datasets = benchmark_objects.check_dataset_patterns(config["dataset"])
    instances = [str(d) for d, _ in _list_parametrized_classes(*datasets)]
    # Their figures are of the problems that the configuration runs.
    source = {"rim": "Putzky", "fire": "Terris", "ram": "RAM"}[paper]
    own = [
        row.problem.format(level)
        for row in PUBLISHED
        for level in row.values
        if source in row.source
    ]
    assert set(own) <= set(instances) and (own or paper == "ram")


def test_command_with_a_layout(tmp_path, capsys):
    levels().to_parquet(tmp_path / "r.parquet")
    command.main([str(tmp_path / "r.parquet"), "--layout", "fire", "--metric", "ssim"])
    assert "| tv | **0.2500** |" in capsys.readouterr().out


def test_command(tmp_path, capsys):
    results(PROBLEM).to_parquet(tmp_path / "r.parquet")
    command.main([str(tmp_path / "r.parquet"), "--published"])
    printed = capsys.readouterr().out.splitlines()
    assert "31.23" in next(line for line in printed if line.startswith(f"| {PROBLEM}"))
    assert "FFDNet: Zhang, Zuo and Zhang, TIP 2018." in printed
    with pytest.raises(SystemExit):
        command.main([str(tmp_path / "r.parquet"), "--metric", "beauty"])
    assert "invalid choice" in capsys.readouterr().err


def test_a_mark_needs_a_value_of_the_metric(tmp_path, capsys):
    """A solver without any value of the metric has no column, and so no mark."""
    df = results(PROBLEM)
    rim = df["solver_name"] == "rim"
    df["objective_kernel_error"] = df["objective_psnr"].where(~rim)
    df["objective_outside"] = rim.map({True: "it learned nothing", False: ""})
    df.to_parquet(tmp_path / "r.parquet")
    for metric, marked in (("kernel_error", False), ("psnr", True)):
        command.main([str(tmp_path / "r.parquet"), "--metric", metric])
        assert ("†" in capsys.readouterr().out) == marked
