"""The dashboard opens without a network: nothing outside is loaded, every page works."""

import json
import pickle
import re
import shutil
import subprocess
from html import unescape

import pytest
from benchopt.results import read_results

from benchmark_inverse_problems import dashboard as module
from benchmark_inverse_problems.dashboard import dashboard, main, self_contained

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
# Shows every saved view, then sorts and filters the table; leaves a report in the page.
VISITOR = """
const report = {errors: [], drawn: {}};
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
  const pause = () => new Promise(done => setTimeout(done, 200));
  await pause();
  for (const view of document.querySelectorAll('span.view')) {
    setConfig(view);
    await pause();
    const shown = [...document.querySelectorAll(
      '#table_container td, .plotly .point, .plotly .js-line, img[src^="data:image"]'
    )].filter(node => node.getBoundingClientRect().width > 0);
    report.drawn[view.textContent.trim()] = shown.length;
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
    """The dashboard of two solvers, one of them watched while it runs."""
    from .conftest import Suite
    from .test_iterative_solver import simple

    suite = Suite(tmp_path_factory.mktemp("suite"))
    suite.add_solver("halving", simple(5), base="IterativeSolver")
    arguments = ("-s", "adjoint", "-s", "tv", "-s", "halving", "-d", "simulated")
    assert suite.run(*arguments) is not None
    (file,) = suite.folder.glob("outputs/*.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BENCHMARK", suite.folder)
        found = dashboard(file, suite.folder / "page.html")
        main([])
    assert file.with_suffix(".html").exists()
    return found


def dump_dom(page, folder):
    """A page's elements after a browser without network has run its scripts."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom"]
    options += [f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000"]
    options += ["--virtual-time-budget=20000", page.as_uri()]
    return subprocess.run(
        [CHROMIUM, *options], capture_output=True, text=True, timeout=120
    ).stdout


def test_nothing_is_loaded_from_elsewhere(page):
    html = page.read_text()
    assert not re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=.https?:", html)
    assert not re.findall(r"<link[^>]*\shref=.https?:", html)
    assert "Plotly" in html and "gridjs" in html
    assert "data:image/webp;base64" in html


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_every_page_works_in_a_browser_without_network(page, tmp_path):
    html = page.read_text()
    end = html.index("<style>")
    visited = tmp_path / "page.html"
    visited.write_text(f"{html[:end]}<script>{VISITOR}</script>{html[end:]}")
    dom = dump_dom(visited, tmp_path)
    found = re.search(r'<pre id="report">(.*?)</pre>', dom, re.DOTALL)
    report = json.loads(unescape(found[1]))
    assert report["errors"] == []
    assert len(report["drawn"]) >= 6
    assert all(count > 0 for count in report["drawn"].values()), report["drawn"]
    psnr = [float(cell.split("±")[0]) for cell in report["initial"]]
    assert len(psnr) == 3 and psnr == sorted(psnr, reverse=True)
    assert report["ascending"] == report["initial"][::-1]
    assert report["descending"] == report["initial"]
    assert report["found"] == ["adjoint"]


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
        self_contained('<script src="https://cdn.example/x.js"></script>')


def test_missing_files(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="give one of those in outputs/"):
        dashboard(tmp_path / "nothing.parquet")
    monkeypatch.setattr(module, "BENCHMARK", tmp_path)
    with pytest.raises(FileNotFoundError, match="run `make run`"):
        main([])
