"""The docs site: a page a plugin, generated from it, and no warning when it is built."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmark_inverse_problems.commands import site
from benchmark_inverse_problems.problems.problem import Task

from ..conftest import ROOT


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
            "objective_image": image,
            "objective_psnr": 20.0 + image,
            "objective_runtime": 1.5 * (image + 1),
            "objective_threads": 2,
        }
        for solver in ("tv[weight=<b>0.1</b>]", "tv_like")
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
    site.write(docs=folder / "docs", results=results)
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


def test_costs_come_from_the_result_file(docs):
    tv = (docs / "solvers" / "tv.md").read_text()
    assert "| `tv[weight=‹b›0.1‹/b›]` | 20.50 | 2.250 |" in tv
    assert "tv_like" not in tv
    assert "tv_like" in (docs / "problems" / "div2k_sr4.md").read_text()
    assert "Quality and cost" not in (docs / "problems" / "phantom_ct.md").read_text()


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


def test_the_site_builds_without_warnings(docs):
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
    assert "WARNING" not in done.stderr
    assert "not included in the" not in done.stderr
    html = (docs.parent / "site" / "dashboard" / "index.html").read_text()
    assert "--8&lt;--" not in html and "What does it cost" in html


def test_generated_pages_are_left_out_of_the_repository():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    for name in (*(f"docs/{name}/" for name in site.GENERATED), "docs/configs.md"):
        assert name in ignored
