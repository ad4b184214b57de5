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
from skimage.color import rgb2lab

from benchmark_inverse_problems.judge.metrics import METRICS, SHARES
from benchmark_inverse_problems.report.axes import around, inside, left_out
from benchmark_inverse_problems.report.cells import difference_cells, table_cells
from benchmark_inverse_problems.report.comparison import (
    best_solver,
    differences,
    image_scores,
    mean_interval,
    not_distinguishable,
    pareto_front,
    parsed,
    standard_error,
    tasks,
)
from benchmark_inverse_problems.report.names import (
    heading,
    labels,
    problem_names,
    usual,
)
from benchmark_inverse_problems.report.overall import to_best
from benchmark_inverse_problems.report.pictures import (
    ROOM,
    detail,
    framed,
    from_png,
    image_numbers,
    stored_pictures,
    zoom,
)
from benchmark_inverse_problems.report.styles import PALETTE, bubble, styles
from benchmark_inverse_problems.solving.failures import FOLDER

ROOT = Path(__file__).parents[2]
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
            "objective_psnr_range": psnr + 1,
            "objective_psnr_null": np.nan,
            "objective_ssim": psnr / 100,
            "objective_runtime": runtime,
            "objective_peak_memory": 100 * runtime,
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
        "benchmark_inverse_problems.report.rows.get_running_benchmark",
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
    assert {path.stem for path in (ROOT / "plots").glob("*.py")} <= set(found)
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
    assert list(table.index) == ["adjoint", "dip", "tv", "bad"]
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
    # It is one less on each image: a difference without any spread.
    assert "**" not in table["PSNR"]["tv"] and table["PSNR"]["tv"].startswith(" 28")
    assert "n = 2 images" in meta["title"]
    assert table["Full name"]["tv"] == "tv[weight=tuned]"
    # 27 and 29 against 28 and 30: one less on each image.
    assert numbers(table["PSNR to best"]) == [
        "−20.00 [−20.00, −20.00]",
        "best",
        "−1.00 [−1.00, −1.00]",
        "n/a",
    ]
    assert "2 threads" in meta["title"] and "difference to dip" in meta["title"]


def test_leaderboard_sorts_as_text_in_numeric_order(plots, df):
    meta = plots["leaderboard"].get_metadata(df, dataset=COLOUR)
    assert meta["default_order_column"] == "PSNR"
    assert meta["default_order_ascending"] is False
    rows = plots["leaderboard"].plot(df, dataset=COLOUR)
    rows.sort(key=lambda row: re.sub(r"\*\*|__", "", row[1]), reverse=True)
    assert [row[0] for row in rows] == ["dip", "tv", "adjoint", "bad"]


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


def test_failed_cells_have_short_names_too(plots, df, failures):
    name = "tv[iterations=9,weight=0.5]"
    record = {"dataset": COLOUR, "solver": name, "error": "broke", "time": 0.0}
    (failures / FOLDER / "tv.json").write_text(json.dumps(record))
    df["solver_name"] = df["solver_name"].replace(
        "tv[weight=tuned]", "tv[iterations=9,weight=tuned]"
    )
    page = plots["leaderboard"]
    columns = page.get_metadata(df, dataset=COLOUR)["columns"]
    (failed,) = (row for row in page.plot(df, dataset=COLOUR) if row[-1] == "broke")
    assert failed[0] == "tv[weight=0.5]"
    assert failed[columns.index("Full name")] == name
    assert "tv" in [row[0] for row in page.plot(df, dataset=COLOUR)]


def test_damaged_failure_record_hides_no_result(plots, df, failures):
    (failures / FOLDER / "bad.json").write_text("{")
    assert len(plots["leaderboard"].plot(df, dataset=COLOUR)) == 3


VIEWS = ["image", "detail", "error", "error detail"]


@pytest.mark.parametrize("view", VIEWS)
def test_gallery_of_colour_images(plots, df, view):
    images = plots["gallery"].plot(df, dataset=COLOUR, image="1", view=view)
    small = "detail" in view
    expected = ["truth", "measurement", "dip\n28.00 dB", "tv\n27.00 dB"]
    expected = [*["where the detail is"] * small, *expected, "adjoint\n8.00 dB"]
    assert [item["label"] for item in images] == expected
    if small:
        assert images.pop(0)["image"].shape == (32, 32, 3)
    side = 8 if small else 32
    shapes = [item["image"].shape for item in images]
    assert shapes[:2] == [(side, side, 3), (side // 2, side // 2, 3)]
    gray = (side, side) if "error" in view else (side, side, 3)
    assert shapes[2:] == [gray] * 3
    assert np.array_equal(images[0]["image"][::2, ::2], images[1]["image"])
    meta = plots["gallery"].get_metadata(df, dataset=COLOUR, image="1", view=view)
    assert meta["ncols"] == 4 and meta["aspect"] == 1
    lines = meta["title"].split("\n")
    assert lines[:2] == ["colour", "images=bundled"] and ", a" in lines[2]


def test_a_frame_shows_where_the_detail_is():
    for shape in ((32, 32), (32, 32, 3)):
        picture = framed(np.zeros(shape), (16, 20, 8))
        assert picture.shape == (32, 32, 3)
        inside = picture.max(axis=2) > 0
        assert inside[16, 20:28].all() and inside[16:24, 27].all()
        assert not inside[17:23, 21:27].any() and inside.sum() == 28


def test_gallery_error_is_five_times_the_difference(plots, df):
    images = plots["gallery"].plot(df, dataset=COLOUR, image="1", view="error")
    truth, error = images[0]["image"], images[2]["image"]
    assert np.allclose(error[0, 0], 5 * 10 / 255)
    assert np.allclose(error[truth[..., 0] > 0.9], 1)


def test_gallery_of_gray_images_in_benchopts_page(plots, df):
    gallery = plots["gallery"]
    images = gallery.plot(df, dataset=GRAY, image="1", view="image")
    assert [item["image"].shape for item in images] == [(32, 32), (16, 16), (32, 32)]
    data, options = gallery._get_all_plots(df)
    assert options["view"] == VIEWS and len(data) == 2 * len(VIEWS)
    pages = update_plot_data_style({"gallery": data}, plotly=True)["gallery"]
    for dataset, mode in ((GRAY, "L"), (COLOUR, "RGB")):
        truth = pages[f"gallery_{dataset}_1_image"]["data"][0]["image"]
        raw = base64.b64decode(truth.partition(",")[2])
        with Image.open(io.BytesIO(raw)) as image:
            assert image.mode == mode
            assert np.asarray(image).max() == 255 and np.asarray(image).min() == 100


def test_gallery_shows_spreads_beside_errors(plots, df):
    place = df.index[df["solver_name"] == "dip"][-2]
    entry = json.loads(df.loc[place, "final_results"])
    entry["spread"] = png(np.full((32, 32), 51, np.uint8))
    df.loc[place, "final_results"] = json.dumps(entry)
    page = plots["gallery"]
    _, options = page._get_all_plots(df)
    assert options["view"] == [*VIEWS, "spread"]
    images = page.plot(df, dataset=COLOUR, image="1", view="spread")
    labels = [item["label"] for item in images]
    expected = ["error, dip\n28.00 dB", "spread, dip\n28.00 dB"]
    assert labels == ["truth", "measurement", *expected], "the others have no spread"
    assert np.allclose(images[3]["image"], 0.2)
    meta = page.get_metadata(df, dataset=COLOUR, image="1", view="spread")
    assert "spread" in meta["title"]


def test_coverage_of_methods_that_know_their_error(plots, df):
    page = plots["coverage"]
    data, options = page._get_all_plots(df)
    assert options["dataset"] == ["no method with a spread"]
    assert all(item["data"] == [] for item in data.values())
    for share in SHARES:
        known = (df["solver_name"] == "adjoint") & (df["dataset_name"] == COLOUR)
        df.loc[known, f"objective_coverage_{share}"] = [share / 200, share / 100]
    _, options = page._get_all_plots(df)
    assert options["dataset"] == [COLOUR]
    method, line = page.plot(df, dataset=COLOUR)
    assert method["label"] == "adjoint" and method["x"] == list(SHARES)
    assert method["y"] == pytest.approx([0.75 * share for share in SHARES])
    assert line["x"] == line["y"] and line["mode"] == "lines"


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
    pictures = [
        {x["label"]: x["image"] for x in plots["gallery"].plot(df, GRAY, "1", view)}
        for view in ("image", "detail")
    ]
    assert np.array_equal(*(picture["measurement"] for picture in pictures))


def test_gallery_shows_all_stored_images(plots, df):
    row = df["final_results"].first_valid_index()
    entry = json.loads(df.loc[row, "final_results"])
    wide = png(np.full((10, 30), 7, np.uint8))
    pictures = dict.fromkeys(("truth", "measurement", "reconstruction"), wide)
    second = {"name": "b", "layout": "the three central slices"} | pictures
    df.loc[row, "final_results"] = json.dumps(entry | {"more": [second]})
    page = plots["gallery"]
    data, options = page._get_all_plots(df)
    assert options["image"] == ["1", "2"]
    shown = {"dataset": COLOUR, "image": "2", "view": "image"}
    labels = [item["label"] for item in page.plot(df, **shown)]
    assert labels == ["truth", "measurement", "adjoint\n10.00 dB"], "that of image b"
    meta = page.get_metadata(df, **shown)
    assert meta["aspect"] == 3 and "image 2, b\nthe three central" in meta["title"]
    # The pictures of further images are not exact: no error is drawn from them.
    assert page.plot(df, **shown | {"view": "error"}) == []
    assert "first image" in page.get_metadata(df, **shown | {"view": "error"})["title"]
    assert "fewer images" in data[f"gallery_{GRAY}_2_image"]["title"]


def test_a_large_page_shows_fewer_images(df):
    row = df["final_results"].first_valid_index()
    entry = json.loads(df.loc[row, "final_results"])
    df["final_results"] = json.dumps(entry | {"more": [entry] * 7})
    assert len(image_numbers(df)) == 8
    assert len(image_numbers(pd.concat([df] * (ROOM // len(df) // 4)))) == 4
    assert image_numbers(pd.concat([df] * ROOM)) == ["1"]


def test_results_without_pictures_have_an_empty_gallery(plots, df):
    assert stored_pictures(df.drop(columns="final_results")) == []
    df["final_results"] = None
    page, shown = plots["gallery"], {"dataset": COLOUR, "image": "1", "view": "detail"}
    assert page.plot(df, **shown) == []
    assert "no pictures are stored" in page.get_metadata(df, **shown)["title"]


def test_quality_runtime_has_bubbles_and_the_pareto_front(plots, df):
    page = plots["quality_runtime"]
    traces = {t["label"]: t for t in page.plot(df, dataset=COLOUR, metric="psnr")}
    assert set(traces) == {"Pareto front", "adjoint", "dip", "tv"}
    assert traces["adjoint"]["x"] == [pytest.approx(0.2)]
    assert traces["adjoint"]["y"] == [9]
    assert traces["dip"]["x"] == [3] and traces["dip"]["y"] == [29], "the result only"
    # The area grows with the memory: 300 MB for dip, 20 for adjoint.
    areas = {k: (t["size"] - 8) ** 2 for k, t in traces.items() if "size" in t}
    assert areas["dip"] / areas["adjoint"] == pytest.approx(15, rel=0.02)
    assert traces["Pareto front"]["x"] == pytest.approx([0.2, 1.5, 3])
    assert traces["Pareto front"]["y"] == [9, 28, 29]
    again = page.plot(df, dataset=GRAY, metric="psnr")
    assert again[1]["color"] == traces["adjoint"]["color"] != traces["dip"]["color"]
    assert page.plot(df, dataset=COLOUR, metric="psnr_null") == []
    meta = page.get_metadata(df, dataset=COLOUR, metric="psnr")
    assert meta["scale"] == "semilog-x" and meta["ylabel"] == "PSNR [dB]"
    assert "the largest bubble is 300 MB" in meta["title"]
    assert page.get_metadata(df, dataset=COLOUR, metric="psnr_null")
    _, options = page._get_all_plots(df)
    assert options["metric"] == ["psnr", "ssim", "psnr_range", "psnr_null"]


def test_pareto_front():
    points = {"slow": (3, 20), "best": (2, 20), "fast": (1, 10), "bad": (2, 5)}
    assert pareto_front(points) == ["fast", "best"]
    assert pareto_front({}) == []


def test_bubbles():
    assert bubble(0, 0) == 8, "nobody needed memory"
    assert bubble(0, 100) == 8 and bubble(100, 100) == 44


def test_what_lies_far_below_is_left_out_and_named():
    points = {"adjoint": 8.0, "tv": 29, "red": 30, "ram": 30.5, "dpir": 31}
    assert inside(points) == ["tv", "red", "ram", "dpir"]
    assert inside({}) == [] and inside({"tv": 1.0}) == ["tv"]
    low, high = around([29, 31])
    assert 28 < low < 29 and 31 < high < 32
    assert around([]) is None and around([3])[0] < 3 < around([3])[1]
    names = {"adjoint": "A", "tv": "T"}
    assert left_out({"adjoint"}, names) == "outside of the frame: A"
    assert left_out(set(), names) == ""


def test_convergence_shows_iterative_solvers_and_their_results(plots, df):
    page = plots["convergence"]
    result, curve = page.plot(df, dataset=COLOUR, metric="psnr", axis="runtime")
    assert curve["label"] == "dip" and curve["x"] == [1, 3] and curve["y"] == [25, 29]
    assert result["label"] == "dip", "one entry in the legend"
    assert result["x"] == [3] and result["y"] == [29]
    assert result["color"] == curve["color"] and result["marker"] != curve["marker"]
    _, curve = page.plot(df, dataset=COLOUR, metric="psnr", axis="iterations")
    stop_vals = sorted(df[df.solver_name == "dip"].stop_val.unique())
    assert curve["x"] == stop_vals and curve["y"] == [25, 29]
    meta = page.get_metadata(df, dataset=COLOUR, metric="psnr", axis="iterations")
    assert meta["xlabel"] == "Iterations"
    assert page._get_all_plots(df)[1]["dataset"] == [COLOUR]
    data, _ = page._get_all_plots(df[df["solver_name"] != "dip"])
    assert all(item["data"] == [] for item in data.values())
    assert all("no solver that is watched" in x["title"] for x in data.values())
    assert all("add for example -s dip to the run" in x["title"] for x in data.values())


def test_range_and_null_space(plots, df):
    page = plots["range_null"]
    data, options = page._get_all_plots(df)
    assert options["dataset"] == [GRAY], "the other problem loses nothing"
    (point,) = data[f"range_null_{GRAY}"]["data"]
    assert (point["x"], point["y"]) == ([10], [4]) and point["label"] == "adjoint"
    df["objective_psnr_null"] = np.nan
    (empty,) = page._get_all_plots(df)[0].values()
    assert empty["data"] == [] and "no problem" in empty["title"]


def levels_table():
    """Noise at three levels, out of order; one solver misses the hardest."""
    names = {level: f"p[images=a,sigma={level}]" for level in (50, 15, 25)}
    rows = []
    for level, problem in names.items():
        rows += cell(problem, "tv", [40 - level / 2], [1])
        rows += cell(problem, "ram", [41 - level / 2], [1])
        if level < 50:
            rows += cell(problem, "dip", [99], [1])
    rows += cell("sr4[images=a]", "tv", [20], [1]) + cell(
        "sr2[images=a]", "tv", [30], [1]
    )
    rows += cell("sr2[images=b]", "tv", [30], [1])
    return pd.DataFrame(rows)


def test_levels_are_found_and_ordered_from_easy_to_hard():
    found = tasks(levels_table())
    assert set(found) == {"p, sigma", "sr, sr"}, "what all have is left out"
    parameter, levels = found["p, sigma"]
    assert parameter == "sigma" and list(levels) == ["15", "25", "50"]
    assert list(found["sr, sr"][1].items()) == [
        ("2", "sr2[images=a]"),
        ("4", "sr4[images=a]"),
    ]


def test_the_lower_angles_are_the_harder_ones():
    rows = cell("ct[angles=20]", "tv", [20], [1]) + cell(
        "ct[angles=60]", "tv", [30], [1]
    )
    assert list(tasks(pd.DataFrame(rows))["ct, angles"][1]) == ["60", "20"]


def test_other_images_are_no_level():
    rows = [
        row
        for sample in (
            "crop=64,n_images=1",
            "crop=128,n_images=1",
            "crop=64,n_images=2",
        )
        for row in cell(f"p[{sample}]", "tv", [20], [1])
    ]
    assert tasks(pd.DataFrame(rows)) == {}


def test_page_of_levels(plots, df):
    page, table = plots["levels"], levels_table()
    value, gap = page.options["shown"]
    options = {"task": "p, sigma", "metric": "psnr"}
    lines = {t["label"]: t for t in page.plot(table, **options, shown=value)}
    assert lines["tv"]["x"] == [1, 2, 3] and lines["tv"]["y"] == [32.5, 27.5, 15]
    assert lines["dip"]["x"] == [1, 2]
    meta = page.get_metadata(table, **options, shown=value)
    assert meta["ticks"] == ["15", "25", "50"]
    assert meta["xlabel"] == "sigma, from easy to hard (1: 15, 2: 25, 3: 50)"
    lines = {t["label"]: t for t in page.plot(table, **options, shown=gap)}
    assert lines["tv"]["y"] == [-66.5, -71.5, -1] and lines["dip"]["y"] == [0, 0]
    assert "difference" in page.get_metadata(table, **options, shown=gap)["ylabel"]
    data, _ = page._get_all_plots(df)
    assert all(item["data"] == [] for item in data.values())
    assert all("no problem at several levels" in x["title"] for x in data.values())


PROBLEMS = [
    "div2k_sr4[crop=256,images=bundled,n_images=3]",
    "bsd100_sr[crop=256,factor=3,images=bundled,n_images=3]",
    "phantom_ct[angles=60,images=ellipses,n_images=3]",
]


def test_short_names_leave_out_what_is_usual():
    assert usual(PROBLEMS) == {"crop": "256", "images": "bundled", "n_images": "3"}
    assert list(problem_names(PROBLEMS).values()) == [
        "div2k_sr4",
        "bsd100_sr[factor=3]",
        "phantom_ct[angles=60,images=ellipses]",
    ]
    assert problem_names(PROBLEMS[:1]) == {PROBLEMS[0]: "div2k_sr4"}
    assert problem_names(["<p>[a=1]", "q[a=2]"]) == {
        "<p>[a=1]": "‹p›[a=1]",
        "q[a=2]": "q[a=2]",
    }
    # Without a parameter or with the usual value: two problems, two names.
    alike = ["p", "p[a=1]", "q[a=1]", "r[a=1]"]
    assert problem_names(alike)["p[a=1]"] == "p[a=1]" and usual(alike) == {"a": "1"}


def test_headings_say_once_what_the_name_leaves_out():
    text = heading(PROBLEMS[1], PROBLEMS, "", "a note <b>", count=1)
    assert text.split("\n") == [
        "bsd100_sr[factor=3], n = 1 image",
        "crop=256, images=bundled",
        "a note ‹b›",
    ]
    assert heading("no problem", PROBLEMS) == "no problem"


def test_parsed_names():
    assert parsed("div2k_sr4[crop=none]") == ("div2k_sr", {"sr": "4", "crop": "none"})
    assert parsed("cbsd68_denoise") == ("cbsd68_denoise", {})
    assert parsed("bsd100_sr[factor=2]") == ("bsd100_sr", {"factor": "2"})


def test_labels_keep_what_tells_variants_apart():
    names = ["dip[lr=1,stopping=none]", "dip[lr=1,stopping=own]", "tv[weight=tuned]"]
    names += ["ram[precision=float32,weights=bundled]"]
    assert list(labels(names).values()) == [
        "dip[stopping=none]",
        "dip[stopping=own]",
        "tv",
        "ram[weights=bundled]",
    ]
    assert labels(names, origin=False)[names[-1]] == "ram"
    assert labels(["<b>[a=<i>]"]) == {"<b>[a=<i>]": "‹b›"}


def test_style_depends_on_the_name_alone():
    few, many = styles(["tv", "ram"]), styles(["a", "tv", "b", "ram", "c"])
    assert all(many[name] == few[name] for name in few)
    variants = styles(["dip[a=1]", "dip[a=2]"]).values()
    assert len({v["color"] for v in variants}) == 1
    assert len({(v["marker"], v["dash"]) for v in variants}) == 2


BASELINES = {"adjoint", "pseudoinverse", "bicubic"}
TABLES = [
    "quick",
    "default",
    "ram_table",
    "rim_table",
    "fire_table",
    "priors",
    "untrained",
]


@pytest.mark.parametrize("config", TABLES)
def test_usual_comparisons_have_different_colours(config):
    config = yaml.safe_load((ROOT / "configs" / f"{config}.yml").read_text())
    solvers = {name.split("[")[0] for name in config["solver"]}
    style = styles(solvers)
    looks = {(s["color"], s["marker"]) for s in style.values()}
    assert len(looks) == len(solvers)
    methods = solvers - BASELINES
    assert len({style[name]["color"] for name in methods}) == len(methods)
    if len(solvers) <= len(PALETTE) - 2:
        assert len({s["color"] for s in style.values()}) == len(solvers)


# What the common colour vision deficiencies see of linear RGB (G. Machado et al.,
# "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009).
SEEN = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


@pytest.mark.parametrize("vision", SEEN)
def test_the_palette_is_safe_for_colour_blind_readers(vision):
    codes = [[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in PALETTE]
    linear = (np.array(codes) / 255) ** 2.2 @ np.array(SEEN[vision]).T
    lab = rgb2lab(linear.clip(0, 1) ** (1 / 2.2))
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    assert distances[~np.eye(len(PALETTE), dtype=bool)].min() > 8


def test_standard_error():
    numbers = np.random.RandomState(0).standard_normal(400)
    error = standard_error(numbers)
    assert error == pytest.approx(numbers.std() / 20, rel=0.05)
    assert standard_error(numbers) == error, "it is seeded"
    assert np.isnan(standard_error(np.array([1.0])))


@pytest.mark.parametrize("sizes", [(3,), (4,), (10,), (68,), (4, 4), (3, 10)], ids=str)
def test_intervals_cover_what_they_say(sizes):
    """In 93 to 97 % of many draws the interval holds the true mean."""
    rng, draws = np.random.RandomState(1), 3000
    held = 0
    for _ in range(draws):
        groups = [k + (1 + k) * rng.standard_normal(n) for k, n in enumerate(sizes)]
        low, high = mean_interval(groups)
        held += low <= np.mean(range(len(sizes))) <= high
    assert 0.93 <= held / draws <= 0.97


def test_intervals_of_few_and_of_equal_numbers():
    # Problems are fixed: their difference is no spread.
    assert mean_interval([np.array([1.0, 1.0]), np.array([9.0, 9.0])]) == (5, 5)
    assert np.isnan(mean_interval([np.array([1.0, 2.0]), np.array([9.0])])).all()
    numbers = np.array([1.0, 2.0, 4.0])
    low, high = mean_interval([numbers])
    reach = 4.303 * numbers.std(ddof=1) / 3**0.5  # of Student's t with two degrees
    assert (high - low) / 2 == pytest.approx(reach, rel=1e-3)


def test_methods_that_are_not_distinguishable_are_marked_alike():
    index = pd.MultiIndex.from_product(
        [["p"], list("abcd")], names=["dataset_name", "objective_image"]
    )
    truth = np.array([10.0, 20, 30, 40])
    scores = pd.DataFrame(
        {
            "best": truth,
            "near": truth - [0.1, -0.1, 0.2, -0.1],
            "far": truth - [1.0, 1.1, 0.9, 1.0],
        },
        index=index,
    )
    assert not_distinguishable(scores) == {"best", "near"}
    assert not_distinguishable(scores[["far"]]) == {"far"}
    assert not_distinguishable(scores.iloc[:1]) == {"best"}  # one image tells nothing


def test_differences_are_paired():
    index = pd.MultiIndex.from_product(
        [["p"], list("abcd")], names=["dataset_name", "objective_image"]
    )
    truth = np.array([10.0, 20, 30, 40])
    scores = pd.DataFrame({"good": truth + 1, "near": truth}, index=index)
    found = differences(scores)
    assert best_solver(scores) == "good"
    assert found.loc["near"].tolist() == [-1, -1, -1, 4], "the images' spread cancels"
    assert difference_cells(found, 2)[0] == "best"


def test_best_overall_compares_with_the_best_of_each_problem(plots, df):
    """dip has the highest mean, on the easier problem; adjoint alone has both."""
    page = plots["overall"]
    (data,) = page._get_all_plots(df)[0].values()
    table = pd.DataFrame(data["data"], columns=data["columns"]).set_index("Solver")
    assert best_solver(image_scores(df[df.stop_val != 5], "psnr")) == "adjoint"
    # The complete solver comes first, although others are nearer to the best.
    assert table.index.tolist() == ["adjoint", "dip", "tv", "bad"]
    assert table["Problems"].tolist() == ["2 of 2", "1 of 2", "1 of 2", "0 of 2"]
    assert numbers(table["PSNR to best"])[1:] == [
        "best",
        "−1.00 [−1.00, −1.00]",
        "failed",
    ]
    assert table["Wins"].tolist()[:3] == ["1", "1", "0"]
    assert table["Missing"].tolist()[0] == "" and table["Missing"].tolist()[1]
    order = np.argsort(table["PSNR to best"].tolist())[::-1]
    assert order.tolist() == [0, 1, 2, 3], "benchopt sorts the cells as texts"
    assert "PSNR" not in table


def test_pages_of_measurements_whose_truth_nobody_knows(plots, df):
    """All metrics that need it are NaN; no page fails, and none ranks."""
    df[["objective_psnr", "objective_ssim", "objective_psnr_range"]] = np.nan
    for page in plots.values():
        data, _ = page._get_all_plots(df)
        assert data
    (data,) = plots["overall"]._get_all_plots(df)[0].values()
    table = pd.DataFrame(data["data"], columns=data["columns"])
    assert table["Solver"].tolist() == ["bad"], "only the failed one"
    colours, _ = plots["leaderboard"]._get_all_plots(df)[0].values()
    assert "n = 2 images" in colours["title"]
    assert "no metric knows the truth" in colours["title"]


EXACT = {
    "all": lambda df: slice(None),
    "one solver": lambda df: df["solver_name"] == "dip",
    "one image": lambda df: df.index == df.index[0],
}


@pytest.mark.parametrize("rows", EXACT)
@pytest.mark.parametrize("score", [np.inf, np.nan])
def test_pages_of_exact_and_of_missing_scores(plots, df, rows, score):
    """No page fails."""
    for metric in ("psnr", "psnr_range", "psnr_null"):
        column = df.get(f"objective_{metric}", pd.Series(20.0, df.index))
        df[f"objective_{metric}"] = column.astype(float)
        df.loc[EXACT[rows](df), f"objective_{metric}"] = score
    for page in plots.values():
        data, _ = page._get_all_plots(df)
        assert data


def test_heat_map_of_problems_by_solvers(plots, df):
    df.loc[df["solver_name"] == "dip", "objective_outside"] = "it learned no colours"
    (data,) = plots["overall"]._get_all_plots(df)[0].values()
    table = pd.DataFrame(data["data"], columns=data["columns"]).set_index("Solver")
    assert data["heat"] == ["colour", "gray"]
    assert data["columns"][:4] == ["Solver", "Mean rank", "colour", "gray"]
    assert [cell.strip(" ") for cell in table["colour"]] == [
        "−20.00",
        f"**0**{NBSP}•",
        "−1.00",
        "×",
    ]
    assert [cell.strip() for cell in table["gray"]] == ["**0**", "", "", ""], "skipped"
    plain = [cell.replace("*", "") for cell in table["colour"]]
    assert np.argsort(plain)[::-1].tolist() == [1, 2, 0, 3], "sorted as texts"
    assert "images=bundled, unless a name says otherwise" in data["title"]


def test_leaderboard_has_dots_and_wins(plots, df):
    page = plots["leaderboard"]
    meta = page.get_metadata(df, dataset=COLOUR)
    assert meta["title"].split("\n")[:2] == ["colour, n = 2 images", "images=bundled"]
    assert meta["short"] == "colour"
    dots = meta["dots"]
    assert [dot["label"] for dot in dots] == ["dip", "tv", "adjoint"]
    assert [dot["mean"] for dot in dots] == [0, -1, -20]
    assert [dot["tied"] for dot in dots] == [True, False, False]
    table = pd.DataFrame(page.plot(df, dataset=COLOUR), columns=meta["columns"])
    assert table.set_index("Solver")["Wins"].tolist() == ["0", "2", "0", ""]
    one = page.get_metadata(df, dataset=GRAY)["dots"]
    assert [(dot["mean"], dot["low"]) for dot in one] == [(0, None)], "no interval"


def test_ranks_and_differences_over_problems():
    index = pd.MultiIndex.from_product(
        [["p", "q"], list("ab")], names=["dataset_name", "objective_image"]
    )
    values = {
        "steady": [10.0, 12, 20, 22],
        "first": [11.0, 13, 15, 17],
        "skips": [np.nan, np.nan, 21, 23],
    }
    table = to_best(pd.DataFrame(values, index=index))
    assert table.index.tolist() == ["steady", "first", "skips"]
    assert table["mean"].tolist() == [-1, -3, 0]
    assert table["rank"].tolist() == [2, 2, 1]
    assert table["problems"].tolist() == [2, 2, 1]


def test_pages_survive_benchopts_result_file(plots, df, tmp_path):
    path = save_results(df, tmp_path / "results.parquet")
    read = read_results(path or tmp_path / "results.parquet")
    for name in {path.stem for path in (ROOT / "plots").glob("*.py")} - {"gallery"}:
        page, _ = plots[name]._get_all_plots(df)
        again, _ = plots[name]._get_all_plots(read)
        assert page == again and page


def test_config_names_existing_pages_and_columns(plots):
    config = yaml.safe_load((ROOT / "config.yml").read_text())
    assert set(config["plots"]) <= set(plots)
    titles = {column.header for column in METRICS.values()}
    titles |= {"Trials", "Tuned", "Images", "Error", "PSNR to best", "Full name"}
    titles |= {"Wins", "Problems", "Missing"}
    views = config["plot_configs"].values()
    for view in views:
        assert view["plot_kind"] in config["plots"]
        assert set(view.get("table_hidden_columns", [])) <= titles
        assert view.get("table_order", {"column": "Trials"})["column"] in titles
        options = {"scale", "plot_kind", "table_order", "table_hidden_columns"}
        for option in view.keys() - options:
            name = option.removeprefix(f"{view['plot_kind']}_")
            assert name in plots[view["plot_kind"]].options
    assert {view["plot_kind"] for view in views} == set(config["plots"]) - {"table"}


def test_pages_know_nothing_of_torch():
    code = (
        "import sys; import benchmark_inverse_problems.report.styles as _, "
        "benchmark_inverse_problems.report.comparison as _; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
