"""`run`: results in the terminal, and what cannot be used, said in one sentence."""

import contextlib
import errno
import io
import re
from pathlib import Path

import pytest
from benchopt.cli import benchopt
from benchopt.results import read_results

from benchmark_inverse_problems import __main__ as program
from benchmark_inverse_problems.commands import run as command
from benchmark_inverse_problems.report.hint import HINT

CELL = ["-s", "adjoint", "-d", "simulated[n_images=1]", "--no-plot"]


@pytest.fixture
def run(suite, monkeypatch, capsys):
    """The command in a copy of the suite: its exit status, and all that it printed."""
    monkeypatch.setattr(command, "BENCHMARK", suite.folder)
    monkeypatch.delenv(program.TRACEBACK, raising=False)

    def main(*arguments):
        status = program.main(["run", *arguments])
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return main


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("data_paths: 3", "data_paths is 3 in config.yml: write a name and a folder"),
        ("data_paths: [a]", "data_paths is ['a'] in config.yml"),
        ("data_paths: {mine: 3}", "data_paths is {'mine': 3} in config.yml"),
        ("data_paths:", "data_paths is None in config.yml"),
        ("data_paths: {2024: x}", "A name that is a number needs quotation marks."),
        ("data_home: 3", "data_home is 3 in config.yml"),
        ("data_paths: {mine: [", "cannot be read as YAML from line 1 on"),
        (
            "data_paths: {mine: a}\ndata_paths: {yours: b}",
            "from line 2 on (data_paths stands there twice)",
        ),
        ("data_paths: {mine: a, mine: b}", "line 1 on (mine stands there twice)"),
        ("3", "config.yml holds 3: write names with values"),
        ("plots: 3", "plots is 3 in config.yml: write a list of some of bar_chart,"),
        ("plots: [nosuch]", "plots is ['nosuch'] in config.yml: write a list of"),
        ("plot_configs: 3", "plot_configs is 3 in config.yml: write names of views"),
    ],
)
def test_settings_that_cannot_be_used(run, suite, settings, words):
    (suite.folder / "config.yml").write_text(settings)
    status, printed = run(*CELL)
    assert status == 1 and "Traceback" not in printed
    assert words in printed.splitlines()[-1]


@pytest.mark.parametrize("equals", [True, False])
def test_a_relative_config_is_one_of_the_working_folder(
    run, tmp_path, monkeypatch, equals
):
    work = tmp_path / "work"
    work.mkdir()
    (work / "my.yml").write_text(
        'solver: [adjoint]\ndataset: ["simulated[n_images=1]"]'
    )
    monkeypatch.chdir(work)
    option = ["--config=my.yml"] if equals else ["--config", "my.yml"]
    status, printed = run(*option, "--no-plot")
    assert status == 0 and "Results: " in printed


def test_configs_of_the_suite_are_found_from_anywhere(suite, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "BENCHMARK", suite.folder)
    monkeypatch.chdir(tmp_path)
    file = suite.folder / "configs" / "mine.yml"
    file.parent.mkdir()
    file.write_text("solver: [adjoint]")
    assert command.placed(["--config", "configs/mine.yml"]) == ["--config", str(file)]
    assert command.placed(["-s", "ram", "--config"]) == ["-s", "ram", "--config"]


@pytest.mark.parametrize("kind", ["dataset", "solver"])
def test_a_config_has_lists(run, tmp_path, kind):
    (tmp_path / "my.yml").write_text(f"{kind}: 3")
    status, printed = run("--config", str(tmp_path / "my.yml"))
    assert status == 1 and f"{kind} is 3 in the configuration file" in printed


@pytest.mark.parametrize("name", ["a/b", "../x", "..", ".", "", "x" * 300, "v1.2"])
def test_a_name_of_files_is_no_path(run, suite, name):
    status, printed = run(*CELL, "--output", name)
    assert status == 1 and "is no name of a file: give one without slashes" in printed
    assert not list((suite.folder / "outputs").glob("*.parquet"))


@pytest.mark.parametrize("option", sorted(command.FILES))
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no configuration file my.yml in "),
        ("solver: [", "my.yml cannot be read as YAML"),
        ("ram", "my.yml holds 'ram': write names with values"),
        ("", "my.yml holds None"),
        ("solver: [tv]\nsolver: [ram]", "line 2 on (solver stands there twice)"),
        (b"\xff\xfe\x00", "my.yml cannot be read as YAML"),
    ],
)
def test_configs_that_cannot_be_used(
    run, tmp_path, monkeypatch, option, content, words
):
    if content is not None:
        content = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "my.yml").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    status, printed = run(option, "my.yml", "--no-plot")
    assert status == 1 and words in printed
    assert len(printed.splitlines()) == 1


def test_outputs_that_is_a_file_is_one_sentence(run, suite):
    (suite.folder / "outputs").write_text("mine")
    status, printed = run(*CELL)
    assert status == 1 and len(printed.splitlines()) == 1
    assert printed.startswith(f"{suite.folder / 'outputs'} is no folder: move it away.")


@pytest.mark.parametrize("number", sorted(command.FORBIDDEN))
def test_a_folder_that_cannot_be_written_is_one_sentence(
    run, suite, monkeypatch, number
):
    def refused(path, *args, **kwargs):
        raise OSError(number, "not for you", str(path))

    monkeypatch.setattr(command.Path, "mkdir", refused)
    status, printed = run(*CELL)
    assert status == 1 and len(printed.splitlines()) == 1
    assert f"{suite.folder / 'outputs'} cannot be written (not for you)" in printed
    assert f"make {suite.folder} writable, or run a copy of it" in printed
    assert errno.EROFS in command.FORBIDDEN


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (("-d", "simulated[task=nope]"), "task=nope of simulated is not allowed: use "),
        (
            ("-d", "simulated[n_images=0]"),
            "n_images=0 of simulated is not allowed: use a",
        ),
        (("-d", "simulated[n_images=True]"), "n_images=True of simulated is not"),
        (
            ("-d", f"simulated[images={'a' * 5000}]"),
            "use a name of at most 100 characters.",
        ),
        (("-d", "simulated[crop=10]"), "use a whole number of at least 11 or none."),
        (("-d", "simulated[crop=all]"), "crop=all of simulated is not allowed"),
        (
            ("-d", "cbsd68_denoise[sigma=-5]"),
            "sigma=-5 of cbsd68_denoise is not allowed",
        ),
        (("-d", "cbsd68_denoise[sigma=abc]"), "use a number above 0."),
        (("-d", "bsd100_sr[factor=2.0]"), "use a whole number of at least 2."),
        (("-d", "phantom_mri[acceleration=2]"), "use 4 or 8."),
        (
            ("-d", "phantom_ct[angles=0,images=ellipses]"),
            "angles=0 of phantom_ct is not",
        ),
        (
            ("-d", "urban100_inpaint[mask=random_10]"),
            "mask=random_10 of urban100_inpaint",
        ),
        (("-d", "cbsd68_deblur_motion[level=extreme]"), "use easy, medium or hard."),
        (
            ("-s", "dip[iterations=0]"),
            "iterations=0 of dip is not allowed: use a whole",
        ),
        (
            ("-s", "tv[weight=abc]"),
            "weight=abc of tv is not allowed: use a number above",
        ),
    ],
)
def test_a_value_that_is_not_allowed_fails_its_cells_alone(run, suite, cell, words):
    """It is said at the start and at the end, without a traceback."""
    healthy = ["-s", "adjoint", "-d", "simulated[n_images=1]", "--no-plot"]
    status, printed = run(*healthy, *cell)
    lines = printed.splitlines()
    assert status == 1 and "Traceback" not in printed
    assert words in lines[0] and lines[0].endswith(".")
    (failed,) = (line.strip() for line in lines if "FAILED " in line)
    assert failed.startswith("FAILED ") and failed.endswith(lines[0])
    (file,) = (suite.folder / "outputs").glob("*.parquet")
    assert len(read_results(file)) == 1, "the healthy cell has its row"


def test_values_with_digits_first_say_how_to_write_them(run):
    status, printed = run("-d", "simulated[images=2024b]", "-s", "adjoint")
    assert status == 1 and "Traceback" not in printed
    assert "[images=2024b] cannot be read: put values that start with" in printed


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (
            ("-s", "tv[wheight=1]", *CELL[2:]),
            "There is no parameter wheight of tv: did you mean weight?",
        ),
        (
            ("-s", "adjoint", "-d", "simulated[seed=1]"),
            "There is no parameter seed of simulated: use one of them.",
        ),
        (
            ("-s", "adjoint[x=1]", *CELL[2:]),
            "There is no parameter x of adjoint: use one of them.",
        ),
    ],
)
def test_unknown_parameters_are_told_those_that_are_like_them(run, cell, words):
    status, printed = run(*cell)
    first, second = printed.splitlines()
    assert status == 1 and first == words and second.startswith("Known are ")


@pytest.mark.parametrize(
    "cell",
    [
        ("-d", "simulated[crop=32, crop=64]", "-s", "adjoint"),
        ("-d", "simulated[images='a,crop=1',crop=1,crop=2]", "-s", "adjoint"),
        ("-d", "simulated", "-s", "tv[weight=[0.1,0.2],weight=1]"),
    ],
)
def test_a_parameter_that_stands_twice_is_refused(run, cell):
    status, printed = run(*cell)
    assert status == 1 and len(printed.splitlines()) == 1
    assert re.match(r"(crop|weight) stands 2 times in (simulated|tv)\[", printed)


def test_a_run_ends_with_its_results_and_paths_that_exist(run, suite):
    problem = "simulated[crop=32,images=bundled,n_images=1,task=denoise]"
    status, printed = run("-s", "adjoint", "-d", "simulated[n_images=1]")
    lines = printed.splitlines()
    start = lines.index(f"{problem} (1 image)")
    assert lines[start + 1].split()[:2] == ["PSNR", "SSIM"]
    assert lines[start + 2].split()[0] == "adjoint"
    assert [line.split(": ")[0] for line in lines[-2:]] == ["Results", "Dashboard"]
    assert all(Path(line.split(": ")[1]).is_file() for line in lines[-2:])
    assert status == 0 and command.OWN not in printed, "no path of the run's own folder"
    assert "Saving result in" not in printed and "Rendering" in printed


def test_what_is_left_out_of_benchopts_words(tmp_path):
    stream = io.StringIO()
    with contextlib.redirect_stdout(command.WithoutPaths(stream, tmp_path)):
        print(f"\x1b[1;32mSaving result in: {tmp_path}/a.parquet\x1b[0m   ")
        print("Rendering benchmark results...")
        print(f"\r   Processing {tmp_path}/a.parquet", end="", flush=True)
        print()
        print("done")
        print(f"Writing results to {tmp_path}/a.html")
        print("\x1b[1;32mSaving result in: None\x1b[0m   ")
        print(f"Failed to plot the benchmark results: {tmp_path} is full")
        print("Writing results to elsewhere")
        print()
    assert stream.getvalue().splitlines() == [
        "Rendering benchmark results...",
        "done",
        f"Failed to plot the benchmark results: {tmp_path} is full",
        "Writing results to elsewhere",
        "",
    ]


@pytest.mark.parametrize("options", [(), ("--no-plot",)])
def test_a_plain_run_ends_with_how_to_get_the_page(suite, capsys, options):
    cell = [*CELL[:-1], "--no-display", *options]
    benchopt(["run", str(suite.folder), *cell], standalone_mode=False)
    printed = capsys.readouterr().out
    assert printed.count(HINT) == (0 if options else 1)
    assert options or printed.splitlines()[-1] == HINT


def test_help_is_shown_once(run):
    status, printed = run("--help")
    assert status == 0 and printed.count("Usage:") == 1


BROKEN = {
    "no_python": (
        "def f(:\n",
        "solvers/no_python.py is no Python in line 1 (invalid syntax)",
    ),
    "no_solver": (
        "x = 3\n",
        "solvers/no_solver.py cannot be used (ValueError: Could not find Solver in",
    ),
    "wrong": (
        "from benchmark_inverse_problems import Number, ReconstructionSolver\n"
        "class Solver(ReconstructionSolver):\n"
        '    name = "wrong"\n'
        '    parameters = {"k": Number([1.0], "K.", below=1)}\n',
        "solvers/wrong.py cannot be used (TypeError: Number.__init__() got an unexpected",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_solver_whose_file_is_broken_is_one_sentence(run, suite, name):
    text, words = BROKEN[name]
    (suite.folder / "solvers" / f"{name}.py").write_text(text)
    status, printed = run(*CELL, "-s", name)
    assert status == 1 and words in printed and len(printed.splitlines()) == 1


def test_a_solver_whose_package_is_missing_fails_alone(run, suite):
    text = "import nowhere_to_be_found\nclass Solver:\n    name = 'lonely'\n"
    (suite.folder / "solvers" / "lonely.py").write_text(text)
    status, printed = run(*CELL, "-s", "lonely")
    assert status == 1 and "Results: " in printed
    last = printed.splitlines()[-1]
    assert last.startswith(
        "lonely is not installed (No module named 'nowhere_to_be_found')"
    )
    status, printed = run(*CELL)
    assert status == 0 and "lonely" not in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["-s", "diper"],
            "There is no solver diper: did you mean dip or edip or dpir?",
        ),
        (["-s", "adjoint", "-d", "xyz"], "There is no dataset xyz: use one of them."),
        (["--foo"], "No such option '--foo'."),
    ],
)
def test_unknown_names_are_told_those_that_are_like_them(run, arguments, words):
    status, printed = run(*arguments)
    assert status == 2 and words in printed
    assert "Traceback" not in printed and "Usage" not in printed


def test_a_solver_that_builds_nothing_is_told_so(run, suite):
    suite.add_solver("lazy", "return None")
    status, printed = run("-s", "lazy", *CELL[2:])
    assert status == 1
    assert "build of lazy returns a NoneType: let it return a callable" in printed


def test_a_problem_with_an_unknown_image_set_is_refused(run, suite):
    file = suite.folder / "datasets" / "div2k_sr4.py"
    file.write_text(file.read_text().replace('"div2k"', '"div3k"'))
    status, printed = run("-s", "adjoint", "-d", "div2k_sr4[n_images=1]", "--no-plot")
    assert (
        status == 1
        and "image_set=div3k of div2k_sr4 is not known: use one of" in printed
    )
