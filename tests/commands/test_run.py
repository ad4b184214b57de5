"""`run`: configuration files and folders that cannot be used are said in one sentence."""

import errno

import pytest

from benchmark_inverse_problems import __main__ as program
from benchmark_inverse_problems.commands import run as command

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
        ("data_home: 3", "data_home is 3 in config.yml"),
        ("data_paths: {mine: [", "cannot be read as YAML from line 1 on"),
        ("3", "config.yml holds 3: write names with values"),
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


@pytest.mark.parametrize("option", sorted(command.FILES))
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no configuration file my.yml, neither in "),
        ("solver: [", "my.yml cannot be read as YAML"),
        ("ram", "my.yml holds 'ram': write names with values"),
        ("", "my.yml holds None"),
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
