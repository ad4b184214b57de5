"""The dashboard opens without a network: nothing outside is loaded, every page works."""

import base64
import io
import json
import pickle
import re
import shutil
import subprocess
from contextlib import nullcontext
from html import unescape

import numpy as np
import pandas as pd
import pytest
import skimage.data
import skimage.filters
import yaml
from benchopt.benchmark import Benchmark
from benchopt.plotting.helpers import update_plot_data_style
from benchopt.results import read_results
from PIL import Image

from benchmark_inverse_problems.commands import dashboard as command
from benchmark_inverse_problems.commands.dashboard import main
from benchmark_inverse_problems.report import dashboard as module
from benchmark_inverse_problems.report.dashboard import dashboard, self_contained
from benchmark_inverse_problems.report.encoded import Encoded
from benchmark_inverse_problems.report.memory import remembered, remembering

from ..conftest import ROOT
from .test_plots import cell, png

# What our table takes from the dashboard's other scripts.
TABLE = (
    "const extras = {};"
    + re.search(
        r"const element = .*?^};\n.*?^};\n", module.asset("page.js"), re.DOTALL | re.M
    )[0]
)
CHROMIUM = next(filter(None, map(shutil.which, module.BROWSERS)), None)
# Shows every saved view, then sorts and filters the table; leaves a report in the page.
VISITOR = """
const report = {errors: [], drawn: {}, colours: {}, zoomed: []};
window.onerror = (message) => report.errors.push(message);
console.error = (...parts) => report.errors.push(parts.join(' '));
const write = () => {
  const text = document.createElement('pre');
  text.id = 'report';
  text.textContent = JSON.stringify(report);
  document.body.append(text);
};
window.addEventListener('unhandledrejection', ({reason}) => {
  report.errors.push(String(reason));
  write();
});
window.addEventListener('load', async () => {
  const pause = async () => {
    await window.drawn; // our page unpacks plotly for its first chart
    await new Promise(done => setTimeout(done, 200));
  };
  await pause();
  for (const view of document.querySelectorAll('span.view')) {
    setConfig(view);
    await pause();
    const shown = [...document.querySelectorAll(
      '#table_container td, .plotly .point, .plotly .js-line, img[src^="data:image"]'
    )].filter(node => node.getBoundingClientRect().width > 0);
    report.drawn[view.textContent.trim()] = shown.length;
    for (const {label, color} of getPlotData().data) {
      if (color) (report.colours[label] ??= []).push(color);
    }
    const svg = (selector) => [...document.querySelectorAll(`.plotly ${selector}`)]
      .filter(node => node.getBoundingClientRect().width > 0);
    if (state().plot_kind === 'quality_runtime') {
      report.bubbles = svg('.point').map(node => node.getBoundingClientRect().width);
      report.names = svg('.annotation-text').map(node => node.textContent);
      report.lines = svg('.js-line').length;
    }
    if (state().plot_kind === 'convergence') {
      report.about = document.querySelector('.curve-description-body').textContent;
    }
    if (state().plot_kind === 'levels') {
      report.ticks = svg('.xtick text').map(node => node.textContent);
    }
    if (state().plot_kind === 'gallery') {
      const images = [...document.querySelectorAll('#image_container img')];
      const {left, top, width, height} = images[0].parentElement.getBoundingClientRect();
      const place = {bubbles: true, clientX: left + width / 4, clientY: top + height / 2};
      images[0].dispatchEvent(new MouseEvent('click', place));
      report.zoomed.push(images.map(i => [i.style.transform, i.style.transformOrigin]));
      images[0].dispatchEvent(new MouseEvent('click', place));
      report.zoomed.push(images.map(i => i.style.transform));
    }
  }
  setConfig(document.querySelector('span.view'));
  await pause();
  const cells = (column) => [...document.querySelectorAll('.gridjs-tbody .gridjs-tr')]
    .map(row => row.children[column].textContent.trim());
  report.initial = cells(1);
  document.querySelectorAll('.gridjs-th')[1].click();
  report.ascending = cells(1);
  document.querySelectorAll('.gridjs-th')[1].click();
  report.descending = cells(1);
  const search = document.querySelector('.gridjs-search-input');
  search.value = 'ADJ';
  search.dispatchEvent(new Event('input'));
  report.found = cells(0);
  write();
});
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The dashboard of three solvers, one of them watched, with a spread."""
    from ..conftest import Suite
    from ..solving.test_iterative_solver import simple

    suite = Suite(tmp_path_factory.mktemp("suite"))
    body = simple(5).replace("yield x", "yield x, 0 * x + 0.1")  # with a spread
    suite.add_solver("halving", body, base="IterativeSolver")
    solvers = ("-s", "adjoint", "-s", "tv", "-s", "halving")
    assert suite.run(*solvers, "-d", "simulated[task=[denoise,sr]]") is not None
    (file,) = suite.folder.glob("outputs/*.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BENCHMARK", suite.folder)
        patch.setattr(command, "BENCHMARK", suite.folder)
        found = dashboard(file, suite.folder / "page.html")
        main([])
    assert file.with_suffix(".html").exists()
    return found


def dump_dom(page, folder, more=("--window-size=1400,1000",)):
    """A page's elements after a browser without network has run its scripts."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom"]
    options += [f"--user-data-dir={folder / 'profile'}", *more]
    options += ["--virtual-time-budget=20000", page.as_uri()]
    return subprocess.run(
        [CHROMIUM, *options], capture_output=True, text=True, timeout=120
    ).stdout


def test_nothing_is_loaded_from_elsewhere(page):
    html = page.read_text()
    assert not re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=.https?:", html)
    assert not re.findall(r"<link[^>]*\shref=.https?:", html)
    assert not re.findall(r"<a [^>]*href=.[^#][^>]*>Home", html)
    assert "Plotly" in html and "gridjs" in html
    pictures = re.findall(r"data:image/\w+;base64,([\w+/=]+)", html)
    assert "data:image/webp;base64" in html
    assert len(pictures) == len(set(pictures)), "each picture is stored once"


def visit(html, folder):
    """The report of a browser that looks at every view of a page."""
    end = html.index("<style>")
    visited = folder / "page.html"
    visited.write_text(f"{html[:end]}<script>{VISITOR}</script>{html[end:]}")
    dom = dump_dom(visited, folder)
    found = re.search(r'<pre id="report">(.*?)</pre>', dom, re.DOTALL)
    report = json.loads(unescape(found[1]))
    assert report["errors"] == []
    views = yaml.safe_load((ROOT / "config.yml").read_text())["plot_configs"]
    assert set(report["drawn"]) == set(views)
    assert all(count > 0 for count in report["drawn"].values()), report["drawn"]
    return report


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_benchopts_own_page_draws_the_same_views(page, tmp_path, monkeypatch):
    """Its scripts, which it loads from the network, stand in for our additions."""
    scripts = {
        "plotly": module.inline(module.get_plotlyjs()),
        "gridjs": module.inline(TABLE + module.asset("table.js")),
        "anime": module.inline(
            "const anime = {timeline: () => ({add() { return this; }})}"
        ),
    }

    def with_scripts(html, pictures):
        return module.SCRIPT.sub(
            lambda tag: next(text for name, text in scripts.items() if name in tag[1]),
            html,
        )

    monkeypatch.setattr(module, "making_pages", lambda: nullcontext())
    monkeypatch.setattr(module, "self_contained", with_scripts)
    monkeypatch.setattr(module, "BENCHMARK", page.parent)
    (file,) = page.parent.glob("outputs/*.parquet")
    plain = dashboard(file, tmp_path / "plain.html").read_text()
    assert "PICTURES" not in plain
    visit(plain, tmp_path)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_every_page_works_in_a_browser_without_network(page, tmp_path):
    html = page.read_text()
    assert len(html) < 12e6
    report = visit(html, tmp_path)
    psnr = [float(cell.split("±")[0]) for cell in report["initial"]]
    assert len(psnr) == 3 and psnr == sorted(psnr, reverse=True)
    assert report["ascending"] == report["initial"][::-1]
    assert report["descending"] == report["initial"]
    assert report["found"] == ["adjoint"]
    check_charts(report)


def check_charts(report):
    """What our pages draw beyond benchopt's: sizes, names, ticks, colours, zoom."""
    # Points lie where the runtimes are: a name that fits nowhere is in the legend only.
    assert {"halving"} < set(report["names"]) <= {"adjoint", "tv", "halving"}
    assert len(report["bubbles"]) == 3 and len(set(report["bubbles"])) > 1
    assert report["lines"] == 1, "the Pareto front"
    assert report["about"] == "halving A test.", "full name and description"
    assert sorted(report["ticks"]) == ["denoise", "sr"]
    assert all(len(set(colours)) == 1 for colours in report["colours"].values())
    assert len(report["colours"]["tv"]) >= 3
    for zoomed, whole in zip(*[iter(report["zoomed"])] * 2, strict=True):
        assert len(zoomed) >= 5 and set(whole) == {""}
        (style,) = {tuple(style) for style in zoomed}  # the same place in all pictures
        place = [float(part.rstrip("%")) for part in style[1].split()]
        assert style[0] == "scale(4)" and place == pytest.approx([25, 50], abs=2)


SCRIPT = '<script src="https://cdn.example/plotly.js"></script>'


def page_size(solvers):
    """Characters of a page of one problem with three images, photographs.

    The measurements are noisy, the reconstructions are smooth with a rest of noise.
    """
    rng = np.random.RandomState(0)
    truth = skimage.data.astronaut()[128:384, 128:384]
    smooth = skimage.filters.gaussian(truth, 1, channel_axis=-1, preserve_range=True)

    def picture(image, deviation):
        noisy = image + rng.normal(0, deviation, truth.shape)
        return png(noisy.clip(0, 255).astype(np.uint8))

    entries = [{"name": "abc"[k], "truth": picture(truth, 0.5)} for k in range(3)]
    for entry in entries:
        entry["measurement"] = picture(truth, 25)
    rows = [row for s in range(solvers) for row in cell("p", f"solver{s}", [20], [1])]
    for row in rows:
        first, *more = (e | {"reconstruction": picture(smooth, 3)} for e in entries)
        row["final_results"] = json.dumps(first | {"more": more})
    (gallery,) = (p for p in Benchmark(ROOT).get_plots() if p._get_name() == "gallery")
    with module.making_pages() as pictures:
        data, _ = gallery._get_all_plots(pd.DataFrame(rows))
        data = update_plot_data_style({"gallery": data}, plotly=True)
    return len(self_contained(SCRIPT + json.dumps(data), pictures))


def test_the_default_comparison_stays_below_12_megabytes():
    config = yaml.safe_load((ROOT / "configs" / "default.yml").read_text())
    problems, solvers = len(config["dataset"]), len(config["solver"])
    empty = len(self_contained(SCRIPT, Encoded()))
    one, two = page_size(1), page_size(2)
    a_problem = (one - empty) + (solvers - 1) * (two - one)
    assert two > one > empty > 1.5e6, "plotly is inside, packed"
    assert empty + problems * a_problem < 12e6


EVIL = "</script><script>document.title = 'gotcha'</script><img src=x onerror=window.gotcha=1>"


@pytest.fixture
def evil(page, tmp_path):
    """The page of a stranger's result file whose texts try to run code."""
    (file,) = page.parent.glob("outputs/*.parquet")
    df = read_results(file)
    for column in ("solver_name", "dataset_name", "objective_image", "objective_tuned"):
        df[column] = df[column].astype(str) + EVIL
    for column in ("solver_description", "objective_name", "platform", "env-EVIL"):
        df[column] = EVIL
    gallery = df["final_results"].dropna()
    df.loc[gallery.index, "final_results"] = [
        json.dumps(json.loads(text) | {"name": EVIL}) for text in gallery
    ]
    df.to_parquet(tmp_path / "evil.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BENCHMARK", page.parent)
        return dashboard(tmp_path / "evil.parquet")


def test_texts_of_a_strangers_file_are_no_elements(evil, tmp_path):
    html = evil.read_text()
    assert "gotcha" in html, "the texts are shown"
    assert "<script>document.title" not in html
    assert "<img src=x" not in html
    if CHROMIUM is not None:
        assert "<title>gotcha" not in dump_dom(evil, tmp_path)
        assert "<title>gotcha" in dump_dom(stand_in(tmp_path), tmp_path)


def stand_in(folder):
    """A page that a browser that runs scripts gives another title."""
    (folder / "script.html").write_text(f"<title>a</title><body><script>{EVIL}</body>")
    return folder / "script.html"


def test_a_picture_of_a_page(tmp_path, monkeypatch):
    page = tmp_path / "page.html"
    page.write_text("<body style='background: rgb(0, 0, 255)'>")
    if CHROMIUM is not None:
        module.photograph(page, tmp_path / "page.png")
        with Image.open(tmp_path / "page.png") as picture:
            assert picture.size == (1400, 1000)
            assert picture.convert("RGB").getpixel((700, 500)) == (0, 0, 255)
    monkeypatch.setattr(module, "BROWSERS", ("no-such-browser",))
    with pytest.raises(FileNotFoundError, match="install one of no-such-browser"):
        module.photograph(page, tmp_path / "page.png")


def test_pickled_results_are_not_opened(page, tmp_path):
    """A file of another kind than benchopt's is refused before anything is loaded."""
    flag = tmp_path / "flag"

    class Bomb:
        def __reduce__(self):
            return flag.touch, ()

    (tmp_path / "bomb.parquet").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(Bomb()))
    for name in ("bomb.parquet", "bomb.pkl"):
        with pytest.raises((OSError, ValueError)):
            dashboard(tmp_path / name)
    assert not flag.exists()


def test_unknown_scripts_are_refused():
    with pytest.raises(ValueError, match="loads cdn.example/x.js.*constraints.txt"):
        self_contained('<script src="https://cdn.example/x.js"></script>', Encoded())


def test_missing_files(tmp_path, monkeypatch):
    with pytest.raises(
        FileNotFoundError, match="give a result file, such as one in outputs/"
    ):
        dashboard(tmp_path / "nothing.parquet")
    monkeypatch.setattr(command, "BENCHMARK", tmp_path)
    with pytest.raises(FileNotFoundError, match="run `make run`"):
        main([])


def test_a_picture_is_encoded_once_whatever_its_type():
    rng = np.random.RandomState(0)
    gray, colour = rng.rand(8, 12), rng.rand(8, 12, 3)
    pictures = Encoded()
    names = [pictures.number(x) for x in (gray, colour, gray + 0, gray.T, 2 * gray)]
    assert names == ["@0", "@1", "@0", "@2", "@3"]
    for address, picture in zip(pictures.addresses(), (gray, colour), strict=False):
        head, text = address.split(",")
        assert head == "data:image/webp;base64"
        with Image.open(io.BytesIO(base64.b64decode(text))) as image:
            shown = np.asarray(image.convert("RGB")) / 255
        assert shown.shape == (8, 12, 3)
        expected = np.broadcast_to(picture.T, (3, 12, 8)).T
        assert abs(shown.mean((0, 1)) - expected.mean((0, 1))).max() < 0.05


def test_answers_are_remembered_while_pages_are_made_only():
    asked = []

    @remembered
    def rows_of(df, name="a", *, much=1):
        asked.append(name)
        return df[df["name"] == name] * much

    df = pd.DataFrame({"name": ["a", "b"]})
    rows_of(df), rows_of(df)
    assert asked == ["a", "a"]
    with remembering():
        first = rows_of(df)
        assert rows_of(df) is first and len(asked) == 3
        assert rows_of(df, "b") is not first and rows_of(df, much=2) is not first
        assert rows_of(df.copy()) is not first and len(asked) == 6
    assert rows_of(df) is not first and len(asked) == 7
