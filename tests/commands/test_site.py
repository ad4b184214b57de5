"""The docs site: a page a plugin, generated from it, and no warning when it is built."""

import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmark_inverse_problems.commands import site
from benchmark_inverse_problems.problems.problem import Task

from ..conftest import ROOT
from ..report.test_dashboard import CHROMIUM, dump_dom


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results of two solvers on one problem; `tv` twice as slow on its second image."""
    problem = "div2k_sr4[crop=256,images=bundled,n_images=2]"
    rows = [
        {
            "dataset_name": problem,
            "solver_name": solver,
            "idx_rep": 0,
            "stop_val": 1,
            "objective_image": str(image),
            "objective_psnr": quality + image,
            "objective_runtime": 1.5 * (image + 1),
            "objective_threads": 2,
            "objective_fingerprint": "a",
            "run_date": "2026-01-01",
        }
        for solver, quality in (("tv[weight=0.1]", 20.0), ("tv_like", 21.25))
        for image in range(2)
    ]
    file = tmp_path_factory.mktemp("results") / "results.parquet"
    pd.DataFrame(rows).to_parquet(file)
    return file


@pytest.fixture(scope="module")
def docs(results, tmp_path_factory):
    """The source of the site, in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(
        ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns(*site.GENERATED)
    )
    gone = folder / "docs" / "solvers" / "gone.md"
    gone.parent.mkdir()
    gone.touch()
    site.write(docs=folder / "docs", results=[results])
    assert not gone.exists()
    return folder / "docs"


def test_every_problem_has_a_page_with_its_pictures(docs, benchmark_objects):
    index = (docs / "problems" / "index.md").read_text()
    for cls in benchmark_objects.get_datasets():
        text = (docs / "problems" / f"{cls.name}.md").read_text()
        assert cls.__doc__.splitlines()[0] in text
        assert "`y = " in text and "deepinv's" in text
        assert f"[{cls.name}]({cls.name}.md)" in index
        for parameter in cls.parameters:
            assert f"| `{parameter}` |" in text
        for key in ("truth", "measurement"):
            name = f"pictures/{cls.name}_{key}.png"
            assert f"({name})" in text
            with Image.open(docs / "problems" / name) as picture:
                assert np.ptp(np.asarray(picture)) > 10


def test_every_solver_has_a_page(docs, benchmark_objects):
    index = (docs / "solvers" / "index.md").read_text()
    problems = [cls.name for cls in benchmark_objects.get_datasets()]
    for cls in benchmark_objects.get_solvers():
        text = (docs / "solvers" / f"{cls.name}.md").read_text()
        assert cls.__doc__.splitlines()[0] in text
        assert f"[{cls.name}]({cls.name}.md)" in index
        for name in problems:
            assert f"../problems/{name}.md" in text or f"- `{name}`: it " in text
    bicubic = (docs / "solvers" / "bicubic.md").read_text()
    assert "- `phantom_ct`: it needs low-resolution images." in bicubic
    assert "(../problems/div2k_sr4.md)" in bicubic


def test_places_and_costs_come_from_the_result_file(docs):
    tv = (docs / "solvers" / "tv.md").read_text()
    assert "| `tv` | 2 of 2 | -1.25 | 20.50 | 2.250 |" in tv
    assert "tv_like" not in tv
    problem = (docs / "problems" / "div2k_sr4.md").read_text()
    assert "| `tv_like` | 1 of 2 | 0.00 | 21.75 |" in problem
    assert problem.index("`tv_like`") < problem.index("| `tv` |")
    assert "has no results of it" in (docs / "problems" / "phantom_ct.md").read_text()


def test_places_are_shared_and_skip_what_has_no_psnr():
    scores = {
        "a": (20.0, 22.0),
        "b": (22.0, 20.0),
        "c": (25.0, 19.0),
        "d": (np.nan,) * 2,
    }
    rows = [
        {
            "dataset_name": problem,
            "solver_name": solver,
            "idx_rep": 0,
            "stop_val": 1,
            "objective_image": str(image),
            "objective_psnr": np.nan if problem == "tank" else psnr,
        }
        for problem in ("blur", "tank")
        for solver, both in scores.items()
        for image, psnr in enumerate(both)
    ]
    assert site.places(pd.DataFrame(rows)) == {
        ("blur", "c"): (1, 3, 0.0),
        ("blur", "a"): (2, 3, -1.0),
        ("blur", "b"): (2, 3, -1.0),
    }


def test_submissions_come_before_the_newest_file(tmp_path):
    assert site.results_at_hand(tmp_path) == []
    for number, name in enumerate(("outputs/new", "outputs/old", "submissions/one")):
        file = tmp_path / f"{name}.parquet"
        file.parent.mkdir(exist_ok=True)
        file.touch()
        os.utime(file, (0, 100 - number))
    (only,) = site.results_at_hand(tmp_path)
    assert only.stem == "one"
    only.unlink()
    (newest,) = site.results_at_hand(tmp_path)
    assert newest.stem == "new"


def test_without_results_the_pages_say_how_to_get_them(benchmark_objects):
    cls = benchmark_objects.get_solvers()[0]
    assert "make docs FILE=" in site.costs(None, "solver_name", cls)


def test_run_configs_and_views_are_listed(docs):
    configs = (docs / "configs.md").read_text()
    for path in (ROOT / "configs").glob("*.yml"):
        assert f"## {path.name}" in configs
    assert (ROOT / "configs" / "dask.yml").read_text().strip() in configs
    assert "| Which method is best | `leaderboard` |" in (
        (docs / "lists" / "views.md").read_text()
    )


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (Task("mri"), "`y = A x`"),
        (Task("mri", sigma=0.1), "`y = A x + σ n`"),
        (Task("mri", sigma=0.1, gain=0.2), "`y = γ P(A x / γ) + σ n`"),
        (Task("mri", sigma=0.1, quantised=True), "`y = Q(A x + σ n)`"),
    ],
)
def test_equations(task, expected):
    assert site.equation(task).startswith(expected)


@pytest.fixture(scope="module")
def built(docs):
    """The site, and what mkdocs says when it builds it."""
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(
        command,
        cwd=docs.parent,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return docs.parent / "site", done.stderr


def test_the_site_builds_without_warnings(built):
    folder, said = built
    assert "WARNING" not in said
    assert "not included in the" not in said
    html = (folder / "dashboard" / "index.html").read_text()
    assert "--8&lt;--" not in html and "What does it cost" in html
    html = (folder / "results" / "index.html").read_text()
    assert "div2k_<wbr>sr2[<wbr>crop=<wbr>256" in html
    assert len(list((folder / "figures").glob("*.svg"))) > 14


# Opens pages in a frame, and leaves in a report by how much they and their tables are wider
# than their places.
SURVEYOR = """<body><script>
const report = {}, frame = document.createElement('iframe');
Object.assign(frame, {width: WIDTH, height: 1000});
document.body.append(frame);
const survey = async () => {
  for (const [name, page] of Object.entries(PAGES)) {
    await new Promise(done => { frame.onload = done; frame.src = page; });
    await new Promise(done => setTimeout(done, 300));
    const root = frame.contentDocument.documentElement;
    const wider = node => node.scrollWidth - node.clientWidth;
    report[name] = {page: wider(root), tables: [...root.querySelectorAll('.md-typeset table')]
      .map(table => wider(table.closest('.md-typeset__scrollwrap') || table.parentElement)),
      figures: [...root.querySelectorAll('img[src*="figures/"]')].map(f => f.naturalWidth)};
  }
  const text = document.createElement('pre');
  text.id = 'report';
  text.textContent = JSON.stringify(report);
  document.body.append(text);
};
survey();
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [390, 800, 1400])
def test_pages_and_their_tables_fit_the_screen(built, width, tmp_path):
    folder, _ = built
    names = ["studies", "costs", "results", "beyond_linear", "targets", "volumes"]
    names += ["problems/div2k_sr4", "solvers/tv", "solvers/fire_hqs"]
    pages = {name: (folder / name / "index.html").as_uri() for name in names}
    html = SURVEYOR.replace("WIDTH", str(width)).replace("PAGES", json.dumps(pages))
    (tmp_path / "page.html").write_text(html)
    options = ["--allow-file-access-from-files", "--window-size=1500,1000"]
    dom = dump_dom(tmp_path / "page.html", tmp_path, options)
    found = re.search(r'<pre id="report">(.*?)</pre>', dom, re.DOTALL)
    report = json.loads(unescape(found[1]))
    assert report.keys() == set(names)
    assert max(page["page"] for page in report.values()) <= 1
    assert all(page["tables"] for page in report.values())
    # On smaller screens tables scroll.
    if width == 1400:
        assert max(max(page["tables"]) for page in report.values()) <= 1
    assert len(report["studies"]["figures"]) > 14 and min(report["studies"]["figures"])


def test_generated_pages_are_left_out_of_the_repository():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    for name in (*(f"docs/{name}/" for name in site.GENERATED), "docs/configs.md"):
        assert name in ignored
