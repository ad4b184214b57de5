"""Tuning finds the best point of a grid on the tuning set, and the table is used."""

import json
import math
import re
import shlex
from collections import Counter
from dataclasses import replace

import pytest
import torch
from benchopt.benchmark import Benchmark

from benchmark_inverse_problems import Choice, Number, suite
from benchmark_inverse_problems.commands import tune
from benchmark_inverse_problems.networks.weights import checksum
from benchmark_inverse_problems.problems.problem import Problem
from benchmark_inverse_problems.solving import tuning
from benchmark_inverse_problems.solving.search import MOST, TOLERANCE, PatternSearch
from benchmark_inverse_problems.solving.solver import UNTUNED

from ..conftest import ROOT
from ..tiny import tiny_problem

CPU = torch.device("cpu")
TABLES = sorted(tuning.FOLDER.glob("*.json"))
# Entries of a former search, to be found anew: at most so many of a table.
FORMER = {"diffpir": 31, "fire_hqs": 66, "pnp_pgd": 36, "red": 36}
# Those of them that a grid found, whose neighbours are not known.
OF_A_GRID = {"fire_hqs": 27}
SOLVERS = {s.name: s for s in Benchmark(ROOT).get_solvers()}


def test_the_search_finds_the_best_point_and_counts_the_trials():
    problem = tiny_problem("denoise")

    def build(scale, gain):
        return lambda y, physics: scale * gain * y

    parameters = {
        "scale": Number(["tuned"], "A scale.", above=0, start=16),
        "gain": Number(["tuned"], "A gain.", least=1, start=2, ratio=2),
    }
    found = tuning.tuned(build, parameters, problem.tuning, CPU)
    values = found["values"]
    assert abs(values["scale"] * values["gain"] - 1) < 0.1
    assert not tuning.open_ends(found, parameters)
    again = tuning.tuned(build, parameters, problem.tuning, CPU, trials=30)
    assert again["trials"] == 30 and again["psnr"] >= found["psnr"]


def test_the_search_chooses_among_words_too():
    def build(link, scale):
        apply = {"identity": lambda y: y, "half": lambda y: y / 2}[link]
        return lambda y, physics: min(scale, 1) * apply(y)

    parameters = {
        "link": Choice(["tuned"], "A link.", tried=["half", "identity"]),
        "scale": Number(["tuned"], "A scale.", above=0, most=1, start=1),
    }
    found = tuning.tuned(build, parameters, tiny_problem("denoise").tuning, CPU)
    assert found["values"] == {"link": "identity", "scale": 1}
    assert not tuning.open_ends(found, parameters), "1 is the end of its range"


def test_words_and_numbers_of_an_entry_are_listed(monkeypatch):
    entry = {"values": {"prior": "denoiser-motion", "gamma": 1.0}, "trials": 4}
    monkeypatch.setattr(
        "benchmark_inverse_problems.solving.solver.look_up", lambda *_: entry
    )
    solver = SOLVERS["fire_hqs"].get_instance(strength=0.3, lambda_=0.02)
    solver.settle(tiny_problem("denoise").task, None)
    assert solver.tuned == "prior=denoiser-motion,gamma=1"
    assert solver.trials == 4
    assert solver.values.items() >= entry["values"].items()


def test_the_search_compares_its_points_on_the_same_draws():
    draws = {}

    def build(scale):
        def reconstruct(y, physics):
            draws.setdefault(scale, []).append(torch.rand(()).item())
            return scale * y

        return reconstruct

    tuning_set = tiny_problem("denoise").tuning
    parameters = {"scale": Number(["tuned"], "A scale.", above=0, start=1)}
    tuning.tuned(build, parameters, tuning_set, CPU)
    assert len(draws) > 2
    assert len({tuple(drawn) for drawn in draws.values()}) == 1
    assert len(set(draws[1])) == len(tuning_set)


def test_methods_are_told_what_the_problem_tells(monkeypatch):
    """The judge keeps the operator that measured."""
    problem = tiny_problem("deblur")
    told = replace(problem.task, told={"std": 3.0})
    tuning_set = Problem(problem.tuning.images, told, crop=32)
    seen = []

    def build(scale):
        def reconstruct(y, physics):
            seen.append(physics.filter.clone())
            return scale * y

        return reconstruct

    parameters = {"scale": Choice(["tuned"], "A scale.", tried=[1.0])}
    tuning.tuned(build, parameters, tuning_set, CPU)
    assert torch.equal(seen[0], tuning_set.observe(0).physics.filter)
    assert not torch.equal(seen[0], tuning_set.judged(0)[1].physics.filter)


def test_unknown_task_has_no_entry():
    task = tiny_problem("denoise").task
    assert tuning.look_up("nobody", task, {}) is None
    assert tuning.look_up("tv", task, {"other": 1}) is None


DENOISE = "simulated[task=denoise]"


@pytest.fixture
def red_entry(tmp_path, monkeypatch):
    """Runs the command line and reads its table of red; FOLDER is empty at first."""
    monkeypatch.setattr(tuning, "FOLDER", tmp_path)
    monkeypatch.setattr(tune, "FOLDER", tmp_path)

    def run(*arguments):
        tune.main(arguments)
        return json.loads((tmp_path / "red.json").read_text())

    return run


def test_tuning_from_the_command_line(red_entry, benchmark_objects, monkeypatch):
    pattern = "red[iterations=2,level=0.1,weights=bundled]"
    table = red_entry(pattern, "--problems", DENOISE, "--precision", "bfloat16")
    (red,) = suite.solvers(benchmark_objects, [pattern])
    (problem,) = suite.problems(benchmark_objects, DENOISE)
    task = problem.get_data()["problem"].task
    entry = tuning.look_up("red", task, red.fixed_parameters())
    assert entry["trials"] >= 3
    assert entry["values"].keys() == {"lambda_"}
    (command,) = table["commands"]
    assert shlex.split(command)[-4:] == [
        "--problems",
        DENOISE,
        "--precision",
        "bfloat16",
    ]

    def never(*_):
        raise AssertionError("tuned again")

    monkeypatch.setattr(type(red), "search", never)
    again = red_entry(pattern, "--problems", DENOISE, "--missing")
    assert {k: v for k, v in again.items() if k != "commands"} == {
        k: v for k, v in table.items() if k != "commands"
    }
    # The old entries would not be what the table says.
    monkeypatch.setattr(type(red).parameters["lambda_"], "tried", "other")
    with pytest.raises(AssertionError, match="tuned again"):
        red_entry(pattern, "--problems", DENOISE, "--missing")


def test_entries_of_a_former_search_stay_until_they_are_found_anew(
    red_entry, monkeypatch
):
    pattern = "red[iterations=2,level=0.1,weights=bundled]"
    others = [DENOISE, "simulated[task=deblur]"]
    first = red_entry(pattern, "--problems", *others, "--trials", "2")
    kept = [v for v in first.values() if "psnr" in v]
    monkeypatch.setattr(SOLVERS["red"].parameters["lambda_"], "tried", "other")
    second = red_entry(pattern, "--problems", DENOISE, "--missing", "--trials", "2")
    found = [v for v in second.values() if "psnr" in v]
    assert (
        sum(v == old | {"former": True} for v, old in zip(found, kept, strict=True))
        == 1
    )
    third = red_entry(pattern, "--problems", *others, "--missing", "--trials", "2")
    assert not any(v.get("former") for v in third.values() if "psnr" in v)


def test_tuning_may_start_from_the_table(red_entry):
    command = ["red[iterations=2,level=0.1,weights=bundled]", "--problems", DENOISE]
    first = red_entry(*command, "--trials", "5")
    key = next(key for key, entry in first.items() if "psnr" in entry)
    second = red_entry(*command, "--from-table", "--trials", "1")
    assert second[key]["values"] == first[key]["values"]
    assert sum("--from-table" in command for command in second["commands"]) == 1
    third = red_entry(*command, "--trials", "1")
    assert third[key]["values"] == {
        "lambda_": SOLVERS["red"].parameters["lambda_"].start
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nobody"], "nobody"),
        (["red", "--problems", "nowhere"], "nowhere"),
        (["bicubic"], 'bicubic has no parameter whose value is "tuned".'),
    ],
)
def test_bad_names_say_so(arguments, sentence, red_entry, capsys):
    with pytest.raises(SystemExit) as caught:
        red_entry(*arguments)
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert sentence in printed and "Traceback" not in printed


def test_entries_of_a_former_search_become_fewer():
    former = [(name, entry) for name, _, entry in entries() if entry.get("former")]
    assert Counter(name for name, _ in former) == FORMER
    of_a_grid = Counter(name for name, entry in former if "around" not in entry)
    assert of_a_grid == OF_A_GRID


@pytest.mark.parametrize("name", [path.stem for path in TABLES])
def test_a_table_is_of_the_solvers_search(name):
    """A new solver needs no table: what it does not find there is searched."""
    table = json.loads((tuning.FOLDER / f"{name}.json").read_text())
    for command in table["commands"]:
        words = shlex.split(command)
        assert words[:4] == ["python", "-m", "benchmark_inverse_problems", "tune"]
        assert words[4].split("[")[0] == name
    assert table["commands"]
    assert table["search"] == tune.searched(SOLVERS[name]), "it changed: tune again"


@pytest.mark.parametrize("path", TABLES, ids=lambda p: p.stem)
def test_no_number_lies_at_the_end_of_what_was_tried(path):
    """The best one has a worse neighbour on either side, but at the end of its range."""
    found = [(key, entry) for name, key, entry in entries() if name == path.stem]
    commands = json.loads(path.read_text())["commands"]
    everywhere = any("--problems" not in command for command in commands)
    assert len(found) > (20 if everywhere else 0)
    for key, entry in found:
        if entry.get("former") and "around" not in entry:
            continue
        assert not tuning.open_ends(entry, SOLVERS[path.stem].parameters), key
        for neighbours in entry["around"].values():
            assert all(p <= entry["psnr"] + TOLERANCE + 1e-3 for _, p in neighbours), (
                key
            )


def test_an_open_end_is_seen():
    parameters = {"a": Number(["tuned"], "A.", least=1, start=2)}
    inside = {"values": {"a": 2}, "around": {"a": [[1, 20.0], [4, 21.0]]}}
    assert tuning.open_ends(inside, parameters) == []
    one_side = {"values": {"a": 2}, "around": {"a": [[1, 20.0]]}}
    assert tuning.open_ends(one_side, parameters) == ["a"]
    bound = {"values": {"a": 1}, "around": {"a": [[2, 20.0]]}}
    assert tuning.open_ends(bound, parameters) == []


def test_entries_are_of_problems_of_the_suite(benchmark_objects):
    """A new problem needs no entry: its parameters are searched.

    An entry of a task that no problem has is dead, or its name has changed. Phase retrieval
    is measured with other numbers of masks than its default, too.
    """
    from ..problems.test_problems import PROBLEMS

    patterns, _ = suite.configured(suite.BENCHMARK / "configs" / "phase_retrieval.yml")
    others = [d for p in patterns for d in suite.problems(benchmark_objects, p)]
    known = [*PROBLEMS, *others]
    tasks = {str(dataset.get_data()["problem"].task) for dataset in known}
    for name, key, _ in entries():
        task, _ = parts(key)
        assert task in tasks, f"{name}: {key}"


def test_keys_have_the_parameters_of_their_solver():
    """A new parameter with a default changes the keys of the entries before it."""
    for name, key, entry in entries():
        _, fixed = parts(key)
        named = {part.split("=")[0] for part in fixed.split(",") if part}
        expected = set(SOLVERS[name].parameters) - UNTUNED - set(entry["values"])
        assert named == expected, f"{name}: {key}"


def parts(key):
    """The task and the fixed parameters of a key."""
    return re.fullmatch(r"(\S+(?: told\[\S*\])?) ?(\S*)", key).groups()


def entries():
    for path in TABLES:
        for key, entry in json.loads(path.read_text()).items():
            if isinstance(entry, dict) and "psnr" in entry:
                yield path.stem, key, entry


def test_entries_know_their_weights():
    """Those of methods with networks do; old ones are of RAM's single priors only."""
    without = {name for name, _, entry in entries() if not entry.get("weights")}
    assert without == {"gauss_newton", "linearised", "tgv", "tv", "wavelet", "wiener"}
    for name, key, entry in entries():
        old = tuning.changed_weights(entry)
        assert not old or (name == "fire_hqs" and old == ["ram"] and "prior=" in key)


def test_a_search_notes_its_weights(red_entry):
    pattern = "red[iterations=2,level=0.1,weights=bundled]"
    table = red_entry(pattern, "--problems", DENOISE, "--precision", "bfloat16")
    (entry,) = (e for e in table.values() if isinstance(e, dict) and "psnr" in e)
    assert entry["weights"] == {"drunet": checksum("drunet")}
    assert tuning.changed_weights(entry) == []
    assert tuning.changed_weights({"weights": {"drunet": "other"}}) == ["drunet"]


def test_values_found_with_other_weights_are_not_used_silently(monkeypatch):
    entry = {"values": {"lambda_": 1.0, "last": 1}, "trials": 4}
    monkeypatch.setattr(
        "benchmark_inverse_problems.solving.solver.look_up", lambda *_: entry
    )
    solver = SOLVERS["dpir"].get_instance(weights="bundled")
    solver.settle(tiny_problem("denoise").task, None)
    entry["weights"] = {"drunet": "0badc0de"}
    with pytest.warns(
        UserWarning, match="other weights of drunet .*renew them with .*tune"
    ):
        solver.settle(tiny_problem("denoise").task, None)
    assert solver.values["lambda_"] == 1.0


def test_a_peak_between_two_equal_neighbours_is_found():
    """A parabola through them would promise nothing."""
    number = Number(["tuned"], "A.", above=0, start=0.4)
    tried = []

    def score(a):
        tried.append(a)
        return 30 - abs(math.log(a / 0.2))

    found = PatternSearch(score, {"a": number}).best["a"]
    assert found == pytest.approx(0.2, rel=0.2)
    assert len(tried) < 15


def ridge(a, b):
    """A narrow ridge between the axes, with its peak at a = 3, b = 1 / 3."""
    across, along = math.log2(a * b), math.log2(a / b) / 2
    return 30 - 4 * abs(across) - 0.3 * (along - math.log2(3)) ** 2


@pytest.mark.parametrize("trials", [0, 60])
def test_a_ridge_between_the_axes_is_followed_to_its_peak(trials):
    """Along one number at a time each neighbour of the start is worse."""
    numbers = {
        "a": Number(["tuned"], "A.", above=0, start=0.5, ratio=2),
        "b": Number(["tuned"], "B.", above=0, start=2, ratio=2),
    }
    for move in (0.5, 2):
        assert ridge(0.5 * move, 2) < ridge(0.5, 2) > ridge(0.5, 2 * move)
    search = PatternSearch(ridge, numbers, trials)
    assert search.value(search.best) > 29.9
    assert len(search.scores) <= 60


def test_a_search_may_start_near_the_best_point():
    numbers = {n: Number(["tuned"], "A.", above=0, start=100) for n in "ab"}

    def score(a, b):
        return 30 - math.log(a) ** 2 - math.log(b) ** 2

    near = PatternSearch(score, numbers, start={"a": 1.1, "b": 0.9})
    far = PatternSearch(score, numbers)
    assert near.value(near.best) > 29.95
    assert len(near.scores) < len(far.scores)


def test_a_search_ends_where_nothing_changes():
    number = Number(["tuned"], "A.", above=0, start=0.4)
    search = PatternSearch(lambda a: 30.0, {"a": number})
    assert search.best == {"a": 0.4} and len(search.scores) == 3


def test_a_search_without_end_is_bounded():
    numbers = {n: Number(["tuned"], "A.", above=0, start=1) for n in "ab"}
    search = PatternSearch(lambda a, b: a * b, numbers)
    assert len(search.scores) == MOST
    assert math.isfinite(search.best["a"])


def test_scores_that_are_no_numbers_are_the_worst():
    number = Number(["tuned"], "A.", above=0, start=1)
    search = PatternSearch(lambda a: math.nan if a > 1 else a, {"a": number})
    assert search.best == {"a": 1}
