"""Somebody's results are computed again, and what differs is named."""

import re

import pandas as pd
import pytest

from benchmark_inverse_problems import __main__ as program
from benchmark_inverse_problems.commands import verify
from benchmark_inverse_problems.solving import settings

from ..conftest import ROOT

PROBLEM = "simulated[n_images=2,task=denoise]"
# Each run adds a line to a file, so that a result from the cache would be seen.
BUILD = (
    'open(__file__ + ".runs", "a").write("run\\n"); '
    "return lambda y, physics: y * (1 + 0.2 * torch.rand(1))"
)


@pytest.fixture
def submitted(suite, monkeypatch):
    """A copy of the suite with a solver that draws, and the path of its results."""
    suite.add_solver("drawing", BUILD)
    monkeypatch.setattr(verify, "BENCHMARK", suite.folder)
    monkeypatch.delenv(program.TRACEBACK, raising=False)
    file = suite.folder / "theirs.parquet"
    suite.run("-s", "drawing", "-s", "adjoint", "-d", PROBLEM).to_parquet(file)
    return file


def changed(file, change):
    """The file with a change of its rows."""
    df = pd.read_parquet(file)
    change(df)
    df.to_parquet(file)
    return str(file)


def test_the_same_cells_are_computed_again(submitted, suite, capsys):
    runs = suite.folder / "solvers" / "drawing.py.runs"
    before = len(runs.read_text().splitlines())
    assert program.main(["verify", str(submitted), "--all"]) == 0
    printed = capsys.readouterr().out
    assert "drawing on simulated[" in printed and "2 of 2 cells are the same" in printed
    assert len(runs.read_text().splitlines()) > before
    assert not (suite.folder / "outputs" / "evaluation.parquet").exists()
    (versions,) = set(pd.read_parquet(submitted)["objective_versions"])
    assert re.match(r"(commit|version) \S+, Python 3\.\d+\.\d+, torch \d", versions)


def test_the_example_of_a_submission_is_found_again(capsys):
    file = ROOT / "submissions" / "bundled_sr4.parquet"
    assert file.stat().st_size < 300_000
    assert program.main(["verify", str(file), "--all"]) == 0
    assert "2 of 2 cells are the same, of 2" in capsys.readouterr().out
    (versions,) = set(pd.read_parquet(file)["objective_versions"])
    assert re.match(r"commit [0-9a-f]+, ", versions), "the code is that of a commit"


def test_altered_files(submitted, capsys):
    def change(df):
        df.loc[df["solver_name"] == "adjoint", "objective_psnr"] += 0.05
        df.loc[df["solver_name"] == "drawing", "objective_fingerprint"] = "0" * 12

    changed(submitted, change)
    assert program.main(["verify", str(submitted), "--all"]) == 1
    printed = capsys.readouterr().out
    assert "adjoint on simulated[crop=32,images=bundled,n_images=2,task=denoise]: " in (
        printed
    )
    assert "DIFFERENT: PSNR [dB] of astronaut is" in printed
    assert "DIFFERENT: its fingerprint is 000000000000 in the file and " in printed
    assert "0 of 2 cells are the same" in printed


def result(psnr, mark="a", image="x", **columns):
    count = len(psnr)
    return pd.DataFrame(
        {
            "dataset_name": "p",
            "solver_name": "s",
            "idx_rep": 0,
            "stop_val": 1,
            "objective_image": [f"{image}{k}" for k in range(count)],
            "objective_fingerprint": mark,
            "objective_psnr": psnr,
            "objective_runtime": 1.0,
        }
        | columns
    )


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("problem", "solver", "words"),
    [
        (
            PROBLEM,
            "elsewhere/theirs.py",
            "elsewhere/theirs.py is not in this suite: add its file",
        ),
        (PROBLEM, "tv[weight=-1.0]", "weight=-1.0 of tv"),
        ("simulated[task=fly]", "adjoint", "task=fly"),
        (
            "simulated[images=été 2024]",
            "adjoint",
            "The image set été 2024 is not on disk",
        ),
        (PROBLEM, "adjoint", "it is adjoint on simulated[crop=32,images=bundled,"),
        (
            PROBLEM,
            "bicubic",
            "skipped it: `python -m benchmark_inverse_problems run -d",
        ),
    ],
)
def test_cells_that_cannot_be_computed(problem, solver, words):
    rows = result([1.0], dataset_name=problem, solver_name=solver)
    sentence, same = verify.assess(rows, "psnr", 0.02)
    assert sentence.startswith("NOT COMPUTED: ") and words in sentence and not same


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("base_seed", "abc", "its base_seed is abc: it is a whole number"),
        ("base_seed", 0.5, "its base_seed is 0.5"),
        ("base_seed", NAN, "its base_seed is nan"),
        ("idx_rep", 10**9, "its idx_rep are [1000000000]: they count from 0"),
        ("idx_rep", -1, "its idx_rep is -1"),
    ],
)
def test_seeds_and_repetitions_that_no_run_has(column, value, words):
    rows = result([1.0], dataset_name=PROBLEM, solver_name="adjoint")
    rows[column] = value
    sentence, same = verify.assess(rows, "psnr", 0.02)
    assert sentence.startswith(f"NOT COMPUTED: {words}") and not same


@pytest.mark.parametrize(
    ("given", "found", "words"),
    [
        (result([1.0, 2.0]), result([1.01, 2.0]), "same, at most 0.01 dB apart"),
        (result([INF, NAN]), result([INF, NAN]), "same, at most 0 dB apart"),
        (
            result([1.0, 2.0]),
            result([1.03, 2.5]),
            "of x1 is 2.0000 in the file and 2.5000",
        ),
        (result([1.0]), result([NAN]), "DIFFERENT"),
        (result([INF]), result([1.0]), "DIFFERENT"),
        (result([1.0]), result([1.0], "b"), "fingerprint is a in the file and b here"),
        (result([1.0, 2.0]), result([1.0]), "2 rows of images in the file and 1 here"),
        (result([1.0], image="y"), result([1.0]), "DIFFERENT"),
        (result([1.0, 1.0], objective_image="x0"), result([1.0]), "DIFFERENT"),
    ],
)
def test_verdicts(given, found, words):
    sentence, same = verify.verdict(given, found, "psnr", 0.02)
    assert words in sentence and same == sentence.startswith("same")


def test_the_threads_of_the_file_count(monkeypatch):
    seen = []

    def computed(*arguments):
        seen.append(settings.threads())
        raise ValueError("enough")

    monkeypatch.delenv(settings.THREADS, raising=False)
    monkeypatch.setattr(verify, "computed", computed)
    rows = result([1.0], objective_threads=3)
    rows["dataset_name"], rows["solver_name"] = "div2k_sr4", "adjoint"
    for _ in range(2):
        assert verify.assess(rows, "psnr", 0.02) == ("NOT COMPUTED: enough", False)
        monkeypatch.setenv(settings.THREADS, "2")
    assert seen == [3, 2]


@pytest.mark.parametrize("command", ["verify", "dashboard", "tables"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no file"),
        (b"", "cannot be read"),
        (b"PAR1 cut off", "cannot be read"),
        (pd.DataFrame({"a": [1]}), "has no column dataset_name"),
        (result([]), "holds no results"),
        (result([1.0], solver_name=[None]), "values in solver_name that are no texts"),
        (result(["high"]), "values in objective_psnr that are no numbers"),
    ],
)
def test_foreign_files_are_one_sentence(command, content, words, tmp_path, capsys):
    file = tmp_path / "theirs.parquet"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        content.to_parquet(file)
    assert program.main([command, str(file)]) == 1
    printed = capsys.readouterr().err
    assert words in printed and len(printed.strip().splitlines()) == 1


@pytest.mark.parametrize("option", [["--sample", "0"], ["--tolerance", "-1"]])
def test_options_that_cannot_be_used(option, capsys):
    with pytest.raises(SystemExit) as ended:
        program.main(["verify", "theirs.parquet", *option])
    assert ended.value.code == 2
    assert f"{option[0]} is {option[1]}" in capsys.readouterr().err.replace(
        "-1.0", "-1"
    )
