"""The dashboard's pages, on a small table with hand-made numbers."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from benchopt.benchmark import Benchmark
from benchopt.plotting.helpers import update_plot_data_style
from benchopt.results import read_results, save_results
from PIL import Image

from benchmark_inverse_problems.failures import FOLDER
from benchmark_inverse_problems.metrics import METRICS
from benchmark_inverse_problems.results import (
    detail,
    from_png,
    pictures,
    table_cells,
    zoom,
)

ROOT = Path(__file__).parent.parent
COLOUR, GRAY = "colour[images=bundled]", "gray[images=bundled]"
NBSP = "\N{NO-BREAK SPACE}"


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def gallery_text(channels, level):
    """A truth with a busy corner, its half-size measurement, a flat estimate."""
    truth = np.full((32, 32, 3), 100, np.uint8)
    truth[16:24:2, 20:28:2] = 255
    estimate = np.full((32, 32, 3), level, np.uint8)
    if channels == 1:
        truth, estimate = truth[..., 0], estimate[..., 0]
    entry = {"truth": truth, "measurement": truth[::2, ::2], "reconstruction": estimate}
    return json.dumps({"name": "a"} | {key: png(x) for key, x in entry.items()})


def cell(dataset, solver, scores, runtimes, stop_val=1, **columns):
    """The rows of one cell at one evaluation: an image a score."""
    rows = []
    for i, (psnr, runtime) in enumerate(zip(scores, runtimes, strict=True)):
        row = {
            "objective_name": "reconstruction",
            "solver_name": solver,
            "dataset_name": dataset,
            "idx_rep": 0,
            "stop_val": stop_val,
            "time": sum(runtimes),
            "objective_image": "abc"[i],
            "objective_threads": 2,
            "objective_trials": 0,
            "objective_tuned": "",
            "objective_psnr": psnr,
            "objective_psnr_null": np.nan,
            "objective_ssim": psnr / 100,
            "objective_runtime": runtime,
            "objective_parameters": 0,
            "final_results": None,
        }
        rows.append(row | columns)
    return rows


@pytest.fixture
def df():
    rows = cell(COLOUR, "adjoint", [8, 10], [0.1, 0.3])
    rows += cell(COLOUR, "dip", [20, 30], [1, 1], stop_val=1)
    rows += cell(COLOUR, "dip", [28, 30], [2, 4], stop_val=5)
    rows += cell(
        COLOUR,
        "tv[weight=tuned]",
        [27, 29],
        [1, 2],
        objective_trials=7,
        objective_tuned="weight=0.1",
    )
    rows += cell(GRAY, "adjoint", [9], [0.1], objective_psnr_null=4.0)
    for index, channels, level in ((0, 3, 90), (4, 3, 110), (6, 3, 0), (8, 1, 90)):
        rows[index]["final_results"] = gallery_text(channels, level)
    return pd.DataFrame(rows)


@pytest.fixture
def failures(tmp_path, monkeypatch):
    """Two failures of the colour problem: one without results, one with."""
    monkeypatch.setattr(
        Benchmark, "get_output_folder", lambda self: tmp_path, raising=True
    )
    monkeypatch.setattr(
        "benchmark_inverse_problems.results.get_running_benchmark",
        lambda: Benchmark(ROOT),
    )
    (tmp_path / FOLDER).mkdir()
    for name, error in (
        ("bad", "ValueError: <script> & __init__ * broke"),
        ("dip", "earlier"),
    ):
        record = {"dataset": COLOUR, "solver": name, "error": error, "time": 0.0}
        (tmp_path / FOLDER / f"{name}.json").write_text(json.dumps(record))
    return tmp_path


@pytest.fixture
def plots(failures):
    """The pages, as benchopt's own loader finds them."""
    benchmark = Benchmark(ROOT)
    benchmark.check_plots()
    found = {plot._get_name(): plot for plot in benchmark.get_plots()}
    assert {"leaderboard", "gallery", "quality_runtime"} <= set(found)
    return found


def numbers(cells):
    """Cells without the spaces and marks."""
    return [re.sub(r"\*\*|__", "", c).strip(" ").replace(NBSP, " ") for c in cells]


def test_leaderboard_has_means_and_spreads(plots, df):
    page = plots["leaderboard"]
    meta = page.get_metadata(df, dataset=COLOUR)
    table = pd.DataFrame(page.plot(df, dataset=COLOUR), columns=meta["columns"])
    table = table.set_index("Solver")
    root2 = f"{np.sqrt(2):.2f}"  # the spread of 8 and 10
    assert list(table.index) == ["adjoint", "dip", "tv[weight=tuned]", "bad"]
    assert numbers(table["PSNR"]) == [
        f"9.00 ± {root2}",
        f"29.00 ± {root2}",
        f"28.00 ± {root2}",
        "failed",
    ]
    assert numbers(table["Runtime [s]"])[1] == "3.000 ± 1.414"
    assert "PSNR null" not in table
    assert table["Params"].str.strip().tolist() == ["0", "0", "0", "n/a"]
    assert table["Trials"].tolist() == ["0", "0", "7", ""]
    assert table["Tuned"].tolist() == ["", "", "weight=0.1", ""]
    assert table["Images"].tolist() == ["2", "2", "2", ""]
    assert table["PSNR"]["dip"].startswith("**")
    assert table["PSNR"]["tv[weight=tuned]"].startswith(" __")
    assert "2 threads" in meta["title"]


def test_leaderboard_sorts_as_text_in_numeric_order(plots, df):
    meta = plots["leaderboard"].get_metadata(df, dataset=COLOUR)
    assert meta["default_order_column"] == "PSNR"
    assert meta["default_order_ascending"] is False
    rows = plots["leaderboard"].plot(df, dataset=COLOUR)
    rows.sort(key=lambda row: re.sub(r"\*\*|__", "", row[1]), reverse=True)
    assert [row[0] for row in rows] == ["dip", "tv[weight=tuned]", "adjoint", "bad"]


def test_cells_sort_in_numeric_order():
    means = pd.Series([3.0, 100.0, np.nan, 20.0, 8.0])
    cells = table_cells(means, means * np.nan, METRICS["residual"])
    assert numbers(cells) == ["3.0000", "100.0000", "n/a", "20.0000", "8.0000"]
    assert np.argsort(cells).tolist() == [2, 0, 4, 3, 1]
    cells = table_cells(-means, means, METRICS["psnr"])
    order = np.argsort([cell.replace("*", "").replace("__", "") for cell in cells])
    assert order.tolist() == [2, 1, 3, 4, 0]
    cells = table_cells(means, means * 0, METRICS["runtime"])
    assert np.argsort(cells).tolist() == [0, 4, 3, 1, 2]  # the fastest comes first
    assert numbers(cells)[1] == "100.000 s"


def test_failed_cells_are_shown_and_harmless(plots, df):
    page = plots["leaderboard"]
    *_, failed = page.plot(df, dataset=COLOUR)
    assert failed[0] == "bad" and failed[1].strip() == "failed"
    assert failed[-1] == r"ValueError: ‹script› & \_\_init\_\_ \* broke"
    assert page.get_metadata(df, dataset=COLOUR)["columns"][-1] == "Error"
    assert len(failed) == len(page.get_metadata(df, dataset=COLOUR)["columns"])
    gray = page.get_metadata(df, dataset=GRAY)
    assert "Error" not in gray["columns"] and "PSNR null" in gray["columns"]


def test_damaged_failure_record_hides_no_result(plots, df, failures):
    (failures / FOLDER / "bad.json").write_text("{")
    assert len(plots["leaderboard"].plot(df, dataset=COLOUR)) == 3


@pytest.mark.parametrize("view", ["image", "detail", "error"])
def test_gallery_of_colour_images(plots, df, view):
    images = plots["gallery"].plot(df, dataset=COLOUR, view=view)
    assert [item["label"] for item in images] == [
        "truth",
        "measurement",
        "dip\n28.00 dB",
        "tv\n[weight=tuned]\n27.00 dB",
        "adjoint\n8.00 dB",
    ]
    shapes = [item["image"].shape for item in images]
    assert set(shapes[:2]) == {(256, 256, 3)}
    assert set(shapes[2:]) == {(256, 256) if view == "error" else (256, 256, 3)}
    repeated = {"image": 16, "detail": 64, "error": 16}[view]
    measurement = images[1]["image"][::repeated, ::repeated]
    truth = images[0]["image"][::repeated, ::repeated]
    assert np.array_equal(truth, measurement)
    meta = plots["gallery"].get_metadata(df, dataset=COLOUR, view=view)
    assert meta["ncols"] == 4 and COLOUR in meta["title"] and ", a" in meta["title"]


def test_gallery_error_is_five_times_the_difference(plots, df):
    images = plots["gallery"].plot(df, dataset=COLOUR, view="error")
    truth, error = images[0]["image"], images[2]["image"]
    assert np.allclose(error[0, 0], 5 * 10 / 255)
    assert np.allclose(error[truth[..., 0] > 0.9], 1)


def test_gallery_of_gray_images_in_benchopts_page(plots, df):
    gallery = plots["gallery"]
    images = gallery.plot(df, dataset=GRAY, view="image")
    assert [item["image"].shape for item in images] == [(256, 256)] * 3
    data, options = gallery._get_all_plots(df)
    assert options["view"] == ["image", "detail", "error"] and len(data) == 6
    pages = update_plot_data_style({"gallery": data}, plotly=True)["gallery"]
    for dataset, mode in ((GRAY, "L"), (COLOUR, "RGB")):
        truth = pages[f"gallery_{dataset}_image"]["data"][0]["image"]
        raw = base64.b64decode(truth.partition(",")[2])
        with Image.open(io.BytesIO(raw)) as image:
            assert image.mode == mode
            assert np.asarray(image).max() == 255 and np.asarray(image).min() == 100


def test_detail_is_the_busy_corner_on_every_grid():
    entry = json.loads(gallery_text(3, 0))
    truth, measurement = from_png(entry["truth"]), from_png(entry["measurement"])
    assert detail(truth) == (16, 20, 8)
    crop = zoom(truth, (16, 20, 8), truth.shape)
    assert np.array_equal(crop, truth[16:24, 20:28])
    small = zoom(measurement, (16, 20, 8), truth.shape)
    assert np.array_equal(small, measurement[8:12, 10:14])
    sinogram = np.zeros((45, 20))
    assert zoom(sinogram, (16, 20, 8), truth.shape) is sinogram


def test_measurements_that_are_no_image_stay_whole(plots, df):
    row = df["final_results"].last_valid_index()
    entry = json.loads(df.loc[row, "final_results"]) | {"aligned": False}
    df.loc[row, "final_results"] = json.dumps(entry)
    whole, detailed = (
        plots["gallery"].plot(df, dataset=GRAY, view=view)[1]["image"]
        for view in ("image", "detail")
    )
    assert np.array_equal(whole, detailed)


def test_results_without_pictures_have_an_empty_gallery(plots, df):
    assert pictures(df.drop(columns="final_results")) == []
    df["final_results"] = None
    assert plots["gallery"].plot(df, dataset=COLOUR, view="detail") == []
    assert plots["gallery"].get_metadata(df, dataset=COLOUR, view="detail")["ncols"]


def test_quality_runtime_has_points_and_curves(plots, df):
    page = plots["quality_runtime"]
    traces = {t["label"]: t for t in page.plot(df, dataset=COLOUR, metric="psnr")}
    assert traces["adjoint"]["x"] == [pytest.approx(0.2)]
    assert traces["adjoint"]["y"] == [9]
    assert traces["dip"]["x"] == [1, 3] and traces["dip"]["y"] == [25, 29]
    again = page.plot(df, dataset=GRAY, metric="psnr")
    assert again[0]["color"] == traces["adjoint"]["color"] != traces["dip"]["color"]
    assert page.plot(df, dataset=COLOUR, metric="psnr_null") == []
    meta = page.get_metadata(df, dataset=COLOUR, metric="psnr")
    assert meta["scale"] == "semilog-x" and meta["ylabel"] == "PSNR [dB]"
    _, options = page._get_all_plots(df)
    assert options["metric"] == ["psnr", "ssim", "psnr_null"]


def test_convergence_shows_iterative_solvers_and_their_results(plots, df):
    page = plots["convergence"]
    curve, result = page.plot(df, dataset=COLOUR, metric="psnr", axis="runtime")
    assert curve["label"] == "dip" and curve["x"] == [1, 3] and curve["y"] == [25, 29]
    assert result["label"] == "result of dip"
    assert result["x"] == [3] and result["y"] == [29]
    assert result["color"] == curve["color"] and result["marker"] != curve["marker"]
    curve, _ = page.plot(df, dataset=COLOUR, metric="psnr", axis="iterations")
    stop_vals = sorted(df[df.solver_name == "dip"].stop_val.unique())
    assert curve["x"] == stop_vals and curve["y"] == [25, 29]
    meta = page.get_metadata(df, dataset=COLOUR, metric="psnr", axis="iterations")
    assert meta["xlabel"] == "Iterations"


def test_pages_survive_benchopts_result_file(plots, df, tmp_path):
    path = save_results(df, tmp_path / "results.parquet")
    read = read_results(path or tmp_path / "results.parquet")
    for name in ("leaderboard", "gallery", "quality_runtime"):
        page, _ = plots[name]._get_all_plots(df)
        again, _ = plots[name]._get_all_plots(read)
        assert page.keys() == again.keys()
    assert page == again


def test_config_names_existing_pages_and_columns(plots):
    config = yaml.safe_load((ROOT / "config.yml").read_text())
    assert set(config["plots"]) <= set(plots)
    titles = {column.header for column in METRICS.values()}
    titles |= {"Trials", "Tuned", "Images", "Error"}
    for view in config["plot_configs"].values():
        assert view["plot_kind"] in config["plots"]
        assert set(view.get("table_hidden_columns", [])) <= titles
        assert view.get("table_order", {"column": "Trials"})["column"] in titles


def test_pages_know_nothing_of_torch():
    code = (
        "import sys; import benchmark_inverse_problems.results as _; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
