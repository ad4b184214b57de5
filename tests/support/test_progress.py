"""Long work shows progress with the time left, to people and not to machines."""

import io
import multiprocessing
import re
from types import SimpleNamespace

import pytest
import torch
from tqdm import auto, tqdm

from benchmark_inverse_problems.support import progress as module
from benchmark_inverse_problems.support.progress import libraries_quiet, progress
from benchmark_inverse_problems.training.loop import Recipe, train

LEFT = re.compile(r"\[\d\d:\d\d<\d\d:\d\d")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch):
    """What a person at a terminal sees, of bars that do not wait."""
    terminal = Terminal()
    monkeypatch.setattr(module, "sys", SimpleNamespace(stderr=terminal))
    monkeypatch.delenv("CI", raising=False)
    start = tqdm.__init__

    def at_once(self, *arguments, **settings):
        settings = settings | {"delay": 0, "mininterval": 0, "file": terminal}
        start(self, *arguments, **settings)

    monkeypatch.setattr(tqdm, "__init__", at_once)
    return terminal


def test_items_are_counted(shown):
    assert list(progress("abc", "letters")) == ["a", "b", "c"]
    assert "letters:  67%" in shown.getvalue()
    assert LEFT.search(shown.getvalue())


@pytest.mark.parametrize("reason", ["CI", "no terminal", "worker"])
def test_silence(shown, reason, monkeypatch):
    if reason == "CI":
        monkeypatch.setenv("CI", "true")
    elif reason == "no terminal":
        monkeypatch.setattr(shown, "isatty", lambda: False)
    else:
        monkeypatch.setattr(multiprocessing.current_process(), "name", "LokyProcess-1")
    with libraries_quiet():
        assert list(progress(auto.tqdm("abc"), "letters")) == ["a", "b", "c"]
    assert shown.getvalue() == ""


def test_downloads_show_progress(shown):
    with libraries_quiet():
        assert list(auto.tqdm("abc", desc="download")) == ["a", "b", "c"]
    assert "download" in shown.getvalue() and LEFT.search(shown.getvalue())


WATCHED = """def reconstruct(y, physics):
            for _ in range(5):
                yield physics.A_adjoint(y)
        self.values["iterations"] = 4
        return reconstruct"""


def test_solvers_show_images_and_iterations(suite, shown):
    suite.add_solver("watched", WATCHED, base="IterativeSolver")
    suite.add_solver("once", "return lambda y, physics: physics.A_adjoint(y)")
    suite.run("-s", "watched", "-s", "once", "-d", "simulated")
    for label in ("watched", "once", "judging"):
        assert f"{label}:  50%" in shown.getvalue()
    assert "iterations:  75%" in shown.getvalue()


def test_tuning_shows_its_trials(suite, shown):
    suite.add_solver("tuned", "return lambda y, physics: weight * y")
    file = suite.folder / "solvers" / "tuned.py"
    weight = 'Choice(["tuned"], "A weight.", tried=[1, 2])'
    parameters = f'parameters = {{"weight": {weight}}}'
    text = file.read_text().replace(
        "build(self, example)", "build(self, example, weight)"
    )
    text = text.replace("import Rec", "import Choice, Rec")
    file.write_text(text.replace('name = "tuned"', f'name = "tuned"\n    {parameters}'))
    suite.run("-s", "tuned", "-d", "simulated")
    assert "tuning: 1it" in shown.getvalue()


def test_training(shown, tmp_path, monkeypatch):
    def draw(sampler, step):
        return torch.ones(1, 1)

    def loss(model, data, step):
        return model(data).square().sum()

    class Nothing:
        description = "none"

    def recipe(name):
        scores = lambda model, sampler: {"psnr": 1.0}  # noqa: E731
        return Recipe(name, lambda: torch.nn.Linear(1, 1), draw, loss, scores, 3, 0.1)

    train(recipe("seen"), Nothing(), tmp_path)
    assert LEFT.search(shown.getvalue())
    shown.truncate(0)
    monkeypatch.setenv("CI", "true")
    train(recipe("unseen"), Nothing(), tmp_path)
    assert not LEFT.search(shown.getvalue())
