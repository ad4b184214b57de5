"""The dashboard opens without a network: nothing outside is loaded, every page works."""

import json
import re
import shutil
import subprocess
from html import unescape

import pytest

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
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,1000"]
    options += ["--virtual-time-budget=20000", visited.as_uri()]
    dom = subprocess.run(
        [CHROMIUM, *options], capture_output=True, text=True, timeout=120
    )
    found = re.search(r'<pre id="report">(.*?)</pre>', dom.stdout, re.DOTALL)
    report = json.loads(unescape(found[1]))
    assert report["errors"] == []
    assert len(report["drawn"]) >= 6
    assert all(count > 0 for count in report["drawn"].values()), report["drawn"]
    psnr = [float(cell.split("±")[0]) for cell in report["initial"]]
    assert len(psnr) == 3 and psnr == sorted(psnr, reverse=True)
    assert report["ascending"] == report["initial"][::-1]
    assert report["descending"] == report["initial"]
    assert report["found"] == ["adjoint"]


def test_unknown_scripts_are_refused():
    with pytest.raises(ValueError, match="loads cdn.example/x.js.*constraints.txt"):
        self_contained('<script src="https://cdn.example/x.js"></script>')


def test_missing_files(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="give one of those in outputs/"):
        dashboard(tmp_path / "nothing.parquet")
    monkeypatch.setattr(module, "BENCHMARK", tmp_path)
    with pytest.raises(FileNotFoundError, match="run `make run`"):
        main([])
