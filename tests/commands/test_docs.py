"""The documentation cannot drift: its examples run, its tables name what exists."""

import ast
import re

import pandas as pd
import pytest
import yaml
from benchopt.benchmark import Benchmark

from benchmark_inverse_problems.commands import readme, targets
from benchmark_inverse_problems.commands.new_solver import new_solver

from ..conftest import ROOT

BENCHMARK = Benchmark(ROOT)
README = (ROOT / readme.README).read_text()
PLUGINS = (ROOT / readme.PLUGINS).read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def solver_of_contributing():
    (code,) = re.findall(
        r"<!-- new solver -->\n```python\n(.*?)```", CONTRIBUTING, re.S
    )
    return code


def test_the_solver_of_contributing_is_complete_and_short(suite):
    code = solver_of_contributing()
    assert len(code.splitlines()) < 40
    (suite.folder / "solvers" / "landweber.py").write_text(code)
    df = suite.run("-s", "landweber", "-s", "adjoint", "-d", "simulated[task=deblur]")
    mean = df.groupby("solver_name").objective_psnr.mean()
    (landweber,) = (name for name in mean.index if name.startswith("landweber"))
    assert mean[landweber] > mean["adjoint"]
    assert (df[df.solver_name == landweber].objective_trials > 3).all()


def test_docs_list_every_plugin():
    tables = readme.plugin_tables(BENCHMARK)
    assert readme.filled(PLUGINS, tables) == PLUGINS, "run `make readme`"


def test_a_text_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="there should be one"):
        readme.filled("# A page", {"solvers": ""})


def test_the_readme_is_short():
    assert len(README.split()) <= 700


def test_results_fill_the_tables_of_readme_and_docs(suite, monkeypatch):
    suite.run("-s", "adjoint", "-s", "pseudoinverse", "-d", "simulated")
    (suite.folder / "docs").mkdir()
    for name in (readme.README, readme.PLUGINS, readme.RESULTS):
        (suite.folder / name).write_text((ROOT / name).read_text())
    (results,) = (suite.folder / "outputs").glob("*.parquet")
    taken = []
    monkeypatch.setattr(readme, "photograph", lambda *places: taken.append(places))
    readme.write(suite.folder, results)
    assert taken[0][1] == suite.folder / readme.PICTURE
    text = (suite.folder / readme.README).read_text()
    assert "| simulated | adjoint" in text
    assert "thread" in text
    text = (suite.folder / readme.RESULTS).read_text()
    assert text.count("| simulated[") == 2


def test_new_solver_is_in_the_results_and_the_docs_at_once(suite):
    (suite.folder / "docs").mkdir()
    page = suite.folder / readme.PLUGINS
    page.write_text(PLUGINS)
    mine = "made_by_this_test"  # no name that somebody's own solver may have
    path = new_solver(mine, suite.folder)
    row = f"| `{mine}` | What the method is"
    assert row in page.read_text()
    df = suite.run("-s", mine, "-s", "adjoint", "-d", "simulated")
    assert set(df.solver_name) == {mine, "adjoint"}
    assert ast.parse(path.read_text())
    for name, error in ((mine, FileExistsError), ("My-Method", ValueError)):
        with pytest.raises(error, match=name):
            new_solver(name, suite.folder)


def test_pictures_of_the_readme_exist():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / path).exists(), path


def test_pictures_of_the_beyond_linear_problems_are_small():
    text = (ROOT / "docs" / "beyond_linear.md").read_text()
    found = re.findall(r"!\[.+\]\((.+)\.webp\)", text)
    assert set(found) == {"coded_diffraction", "blind_deblur", "scattering", "eit"}
    for name in found:
        assert (ROOT / "docs" / f"{name}.webp").stat().st_size < 100_000


def test_changelog_has_the_version():
    from benchmark_inverse_problems import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_targets_are_judged_by_their_numbers():
    means = {
        ("p", "tv"): {"objective_psnr": 20.0},
        ("p", "dpir"): {"objective_psnr": 20.6},
    }
    base = {"problem": "p", "solver": "dpir"}
    verdict = [
        targets.assess(base | extra, means)[-1]
        for extra in (
            {"above": "tv", "by": 0.5},
            {"above": "tv", "by": 0.7},
            {"at_least": 20.5},
            {"at_least": 20.7},
            {"within": 0.2, "of": 20.5},
            {"within": 0.1, "of": 20.8},
        )
    ]
    assert verdict == ["yes", "**no**"] * 3


def test_targets_judge_results_and_not_what_is_on_the_way(monkeypatch):
    rows = [
        {
            "dataset_name": "denoise[sigma=25]",
            "solver_name": "rim[iterations=10]",
            "idx_rep": 0,
            "objective_image": image,
            "stop_val": step,
            "objective_psnr": 20.0 + step + shift,
        }
        for image, shift in (("cat", 0), ("dog", 2))
        for step in (0, 5, 10)
    ]
    monkeypatch.setattr(targets, "results_of", lambda *_: pd.DataFrame(rows))
    means = targets.compute([{"dataset": "denoise[sigma=25]", "solver": "rim"}])
    assert means["denoise[sigma=25]", "rim"]["objective_psnr"] == 31.0


def test_targets_of_several_problems_and_of_shares():
    means = {
        ("blur[level=easy]", "ram"): {"objective_psnr": 30.0, "objective_runtime": 1},
        ("blur[level=hard]", "ram"): {"objective_psnr": 20.0, "objective_runtime": 3},
        ("blur[level=hard]", "dpir"): {"objective_psnr": 20.1, "objective_runtime": 9},
        ("blur[level=easy]", "dpir"): {"objective_psnr": 30.3, "objective_runtime": 9},
    }
    quality = {"problem": "blur[*]", "solver": "ram", "above": "dpir", "by": -0.2}
    cost = quality | {"problem": "*", "metric": "runtime", "share": 0.2, "of": "dpir"}
    del cost["above"]
    rows = [targets.assess(t, means) for t in targets.expanded([quality, cost], means)]
    assert [row[0] for row in rows] == ["blur[level=easy]", "blur[level=hard]"] * 2
    assert [row[-1] for row in rows] == ["**no**", "yes", "yes", "**no**"]
    assert rows[0][3] == "at most 0.20 dB below dpir"
    with pytest.raises(ValueError, match="No run of ram is on sharpen"):
        list(targets.expanded([quality | {"problem": "sharpen[*]"}], means))


def test_every_target_has_its_run():
    """Runs name the problems and solvers that the targets do."""
    config = yaml.safe_load((ROOT / "configs" / "targets.yml").read_text())
    means = set()
    for run in config["runs"]:
        solvers = run["solver"] if isinstance(run["solver"], list) else [run["solver"]]
        means |= {(run["dataset"], solver.split("[")[0]) for solver in solvers}
    for target in config["targets"]:
        # The runs do not name all parameters: their levels come from the problem.
        name = target["problem"].split("[")[0] + "*"
        wanted = [target["solver"], target.get("above", target["solver"])]
        for solver in [*wanted, *([target["of"]] if "share" in target else [])]:
            assert list(targets.expanded([{"problem": name, "solver": solver}], means))


def test_pull_request_template_is_the_checklist_of_contributing():
    template = (ROOT / ".github" / "pull_request_template.md").read_text()
    boxes = re.findall(r"- \[ \] .*?(?=\n- |\n*\Z)", CONTRIBUTING, re.S)
    assert len(boxes) >= 5
    for box in boxes:
        assert box in template


def test_pre_commit_has_the_pinned_ruff():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    (pinned,) = re.findall(
        r"^ruff==(.*)$", (ROOT / "constraints.txt").read_text(), re.M
    )
    assert hooks["repos"][0]["rev"] == f"v{pinned}"


def test_promises_are_kept_and_the_readme_has_their_number():
    targets = (ROOT / "docs" / "targets.md").read_text()
    promises, claims = targets.split("Claims of the papers")
    found = [
        re.findall(r"^\|.* \| (yes|\*\*no\*\*) \|$", part, re.M)
        for part in (promises, claims)
    ]
    config = yaml.safe_load((ROOT / "configs" / "targets.yml").read_text())
    assert len(found[0]) >= len(config["targets"])
    assert len(found[1]) >= len(config["claims"])
    assert set(found[0]) == {"yes"}
    assert f"{len(found[0])} of {len(found[0])} are met." in promises
    assert f"{found[1].count('yes')} of {len(found[1])} are reproduced." in claims
    assert f"promises {len(found[0])} scores" in (ROOT / "README.md").read_text()
