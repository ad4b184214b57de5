"""Who may know what: wings, the public surface, and the one command."""

import ast
import os
import re
import subprocess
import sys

import pytest
import torch

import benchmark_inverse_problems
from benchmark_inverse_problems import __main__ as program
from benchmark_inverse_problems import commands
from benchmark_inverse_problems.commands import study
from benchmark_inverse_problems.solving.fingerprint import (
    IGNORED,
    PACKAGE,
    source_fingerprint,
)
from benchmark_inverse_problems.solving.settings import use_threads

from .conftest import ROOT

SOURCES = [
    path
    for place in ("benchmark_inverse_problems", "solvers", "datasets", "plots")
    for path in (ROOT / place).rglob("*.py")
] + [ROOT / "objective.py"]


def outside_physics():
    physics = PACKAGE / "physics"
    return [path for path in SOURCES if physics not in path.parents]


@pytest.mark.parametrize("pattern", [r"isinstance\(\s*physics", r"(?<!self)\.factor\b"])
def test_only_physics_asks_what_an_operator_is(pattern):
    found = [p for p in outside_physics() if re.search(pattern, p.read_text())]
    assert not found
    assert any(
        re.search(r"(?<!self)\.factor\b", path.read_text())
        for path in (PACKAGE / "physics").rglob("*.py")
    )


def test_files_are_read_as_utf8_wherever_it_runs():
    """Windows would take the letters of a European language for those of another."""
    calls = [
        call
        for path in SOURCES
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", "") in ("read_text", "write_text")
    ]
    assert len(calls) > 30
    for call in calls:
        assert "encoding" in {word.arg for word in call.keywords}, ast.unparse(call)


def test_a_machine_that_reads_ascii_only_is_one_sentence():
    ascii = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmark_inverse_problems", "tables", "x.parquet"],
        env=os.environ | ascii,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Python reads files as ASCII here")
    assert done.stderr.count("\n") == 1


def imported_wings(path):
    """First parts of what a module of the package imports from the package."""
    inside = path.relative_to(PACKAGE).parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            names = [
                *inside[: len(inside) - node.level],
                *(node.module or "").split("."),
            ]
            first = [name for name in names if name]
            yield from first[:1] or [alias.name for alias in node.names]


def test_nothing_that_a_result_depends_on_imports_what_its_key_ignores():
    hashed = [
        path
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in IGNORED
        and path.name != "__main__.py"
    ]
    assert len(hashed) > 50
    for path in hashed:
        assert not set(imported_wings(path)) & set(IGNORED), path
    assert set(imported_wings(PACKAGE / "commands" / "costs.py")) & set(IGNORED)


def test_the_key_sees_the_wings_that_compute(tmp_path):
    (tmp_path / "physics").mkdir()
    (tmp_path / "report").mkdir()
    source = source_fingerprint.__wrapped__
    empty = source(tmp_path)
    (tmp_path / "report" / "page.py").write_text("x = 1")
    assert source(tmp_path) == empty
    (tmp_path / "physics" / "noise.py").write_text("x = 1")
    assert source(tmp_path) != empty


def test_the_public_surface():
    names = (
        "CalibratedSolver Choice FinetunedSolver IterativeSolver Name Number "
        "ProblemDataset ReconstructionSolver Task VolumeDataset WEIGHTS "
        "WithDenoiser calibration "
        "compare cubes denoiser_model denoiser_strength denoising_level evaluate "
        "finetuning fitting iterations pictures "
        "precision prior_weight repetitions"
    )
    assert benchmark_inverse_problems.__all__ == names.split()
    for name in benchmark_inverse_problems.__all__:
        found = getattr(benchmark_inverse_problems, name)
        assert name.isupper() or found.__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nobody'"):
        _ = benchmark_inverse_problems.nobody


def test_the_package_is_cheap_to_import():
    code = "import sys, benchmark_inverse_problems; print('torch' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize("folder", ["solvers", "datasets"])
def test_plugins_take_base_classes_from_the_surface(folder):
    for path in (ROOT / folder).glob("*.py"):
        text = path.read_text()
        assert "from benchmark_inverse_problems import " in text, path
        for room in ("solving", "problems.dataset", "problems.problem"):
            assert f"benchmark_inverse_problems.{room}" not in text, path


def test_commands_are_listed_with_one_line_each(capsys):
    assert program.main([]) == 0
    printed = capsys.readouterr().out
    for name in commands.names():
        line = commands.first_line(commands.__path__[0], name)
        assert re.search(rf"^  {name} +{re.escape(line)}$", printed, re.MULTILINE)
    wanted = "run dashboard tables costs targets tune train study site new-solver"
    assert set(wanted.split()) <= set(commands.names())


def test_an_unknown_command_is_one_sentence(capsys):
    assert program.main(["fly"]) == 2
    assert "There is no command fly." in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(set(commands.names()) - {"run"}))
def test_each_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        program.main([name, "--help"])
    assert ended.value.code == 0
    assert f"benchmark_inverse_problems {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", study.questions())
def test_each_study_has_a_question_and_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        program.main(["study", name, "--help"])
    assert ended.value.code == 0
    assert study.questions()[name].rstrip("?") in " ".join(
        capsys.readouterr().out.split()
    )


def test_a_study_says_what_made_its_tables(capsys, monkeypatch):
    from benchmark_inverse_problems.studies import recurrence

    def shown(arguments):
        print(arguments, torch.get_num_threads())

    before = torch.get_num_threads()
    monkeypatch.setattr(recurrence, "main", shown)
    monkeypatch.setenv("INVERSE_PROBLEMS_THREADS", "1")
    try:
        torch.set_num_threads(2)
        program.main(["study", "recurrence", "--fast"])
    finally:
        use_threads(before)
    printed = capsys.readouterr().out
    assert "['--fast'] 1" in printed
    assert re.search(
        r"^Commit \S+, \d{4}-\d\d-\d\d, .*, 1 thread, rim_projections [0-9a-f]{8},",
        printed,
        re.MULTILINE,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tables", "nothing.parquet"], "nothing.parquet"),
        (
            ["dashboard", "nothing.parquet"],
            "nothing.parquet: give a result file, such as one in outputs/",
        ),
        (["new-solver", "Two Words"], "is not a Python identifier in lower case"),
        (["new-solver", "class"], "is not a Python identifier in lower case"),
        (["distributed", "no.yml"], "There is no configuration file no.yml: give"),
    ],
)
def test_a_users_mistake_is_one_sentence(arguments, words, capsys, monkeypatch):
    monkeypatch.delenv(program.TRACEBACK, raising=False)
    assert program.main(arguments) == 1
    printed = capsys.readouterr().err
    assert words in printed and len(printed.strip().splitlines()) == 1


def test_tracebacks_are_there_when_wanted(monkeypatch):
    monkeypatch.setenv(program.TRACEBACK, "1")
    with pytest.raises(FileNotFoundError):
        program.main(["dashboard", "nothing.parquet"])


@pytest.mark.parametrize("content", [b"", b"PAR1", b"a,b\n1,2\n", b"{}"])
@pytest.mark.parametrize("command", ["tables", "dashboard"])
def test_foreign_files_are_one_sentence(command, content, tmp_path, capsys):
    file = tmp_path / "results.parquet"
    file.write_bytes(content)
    assert program.main([command, str(file)]) == 1
    assert capsys.readouterr().err.strip()
