"""Every plugin, found by listing the folders: a new one is tested without an edit here."""

import ast
import inspect

import numpy as np
import pytest
import torch
import yaml
from benchopt.benchmark import Benchmark
from benchopt.utils.parametrized_name_mixin import get_configs, product_param
from benchopt.utils.run_context import RunContext

from benchmark_inverse_problems.judge.case import judge
from benchmark_inverse_problems.judge.reconstruction import check_reconstruction
from benchmark_inverse_problems.problems.images import IMAGE_SETS
from benchmark_inverse_problems.support.parameters import (
    TUNED,
    Choice,
    NotAllowed,
    Values,
)

from .conftest import ROOT
from .tiny import BEYOND, FAR, TINY, VOLUMES, simulated, tiny_problem

BENCHMARK = Benchmark(ROOT)
SOLVERS = {s.name: s for s in BENCHMARK.get_solvers()}
DATASETS = {d.name: d for d in BENCHMARK.get_datasets()}
# Read before `get_configs`, which removes the name from a solver's `test_config`.
TESTED_ON = {
    name: (solver.test_config or {}).get("dataset", {}).get("name", "simulated")
    for name, solver in SOLVERS.items()
}
PLUGINS = [*SOLVERS.values(), *DATASETS.values()]
FILES = sorted(
    p for folder in ("solvers", "datasets") for p in (ROOT / folder).glob("*.py")
)


def reconstruct(name, problem, **parameters):
    """Run a solver on a problem, as benchopt would; None if it skips."""
    solver = SOLVERS[name].get_instance(**parameters)
    RunContext().set_run_context("objective", "data", solver, repetition=0, base_seed=0)
    handed = {"observations": problem.observations, "tuning": problem.tuning}
    skip, reason = solver.skip(**handed)
    if skip:
        assert reason.startswith(name)
        return None
    solver.set_objective(**handed)
    solver.run(lambda: True)
    return solver.get_result()["reconstructions"]


def bundled(name):
    """A solver's default parameters, those of its tests, and bundled weights."""
    point = next(product_param(SOLVERS[name].parameters))
    point |= get_configs(simulated(), None, SOLVERS[name])[0]["solver"]
    return point | ({"weights": "bundled"} if "weights" in point else {})


def untuned(name):
    """`bundled`, with the first value of what is tuned."""
    parameters = SOLVERS[name].parameters
    return {
        key: parameters[key].first()[0] if value == TUNED else value
        for key, value in bundled(name).items()
    }


def psnr(problem, reconstructions):
    return np.mean(
        [judge(r, *problem.judged(i))["psnr"] for i, r in enumerate(reconstructions)]
    )


@pytest.mark.parametrize("task", TINY)
@pytest.mark.parametrize("name", SOLVERS)
def test_solver_on_every_task(name, task):
    """Right shape, finite, repeatable, and not worse than the adjoint."""
    problem = tiny_problem(task)
    found = reconstruct(name, problem, **bundled(name))
    if found is None:
        return
    assert len(found) == len(problem)
    for index, item in enumerate(found):
        check_reconstruction(item.x_hat, problem.truth(index).shape)
        assert item.runtime > 0
        assert item.final
        assert item.peak_memory >= 0
    baseline = psnr(problem, reconstruct("adjoint", problem))
    # The pseudo-inverse inverts the noise too, a kernel cannot be found in so few pixels,
    # and no network learned the operators of FAR: they may lose.
    small = {"pseudoinverse", "blind_alternating", "blind_net"}
    if name not in small and not (task in FAR and found[0].outside):
        assert psnr(problem, found) > baseline - 0.5


@pytest.mark.parametrize("task", VOLUMES)
@pytest.mark.parametrize("name", [n for n, s in SOLVERS.items() if "2d" not in s.needs])
def test_solver_on_volumes(name, task):
    problem = tiny_problem(task)
    found = reconstruct(name, problem, **untuned(name))
    if found is None:
        return
    check_reconstruction(found[0].x_hat, problem.truth(0).shape)
    baseline = psnr(problem, reconstruct("adjoint", problem))
    if name != "pseudoinverse":
        assert psnr(problem, found) > baseline - 0.5


@pytest.mark.parametrize("task", ["eit", "scattering", "coded_diffraction"])
@pytest.mark.parametrize(
    "name",
    [n for n, s in SOLVERS.items() if s.needs & {"differentiable", "not linear"}],
)
def test_solver_of_operators_that_are_not_linear(name, task):
    """Right shape, and it explains more than the image without an object, A of which is 0."""
    problem = tiny_problem(task)
    found = reconstruct(name, problem, **untuned(name))
    if found is None:
        return
    assert judge(found[0], *problem.judged(0))["residual"] < 0.9


def first_points():
    """A problem of each operator that no tiny problem has, with test parameters."""
    known = {tiny_problem(task).task.operator for task in TINY}
    for name, cls in DATASETS.items():
        for point in product_param(cls.parameters | cls.test_parameters):
            operator = cls.get_instance(**point).get_task().operator
            if operator not in known:
                known.add(operator)
                yield name, point


@pytest.mark.by_hand
@pytest.mark.parametrize(("problem", "point"), first_points())
def test_no_solver_fails(problem, point):
    """Each reconstructs something finite, or skips with a sentence."""
    instance = DATASETS[problem].get_instance(**point)
    made, failed = instance.get_data()["problem"], {}
    for name in SOLVERS:
        try:
            reconstruct(name, made, **untuned(name))
        except Exception as error:  # all that fail are listed together
            failed[name] = repr(error)
    assert failed == {}


@pytest.mark.parametrize("name", SOLVERS)
def test_solver_supports_something(name):
    supported = [
        task
        for task in (*TINY, *VOLUMES, *BEYOND)
        if SOLVERS[name].get_instance().refusal(tiny_problem(task).observe(0)) is None
    ]
    assert supported


@pytest.mark.parametrize("task", BEYOND)
@pytest.mark.parametrize("name", SOLVERS)
def test_solvers_skip_what_is_not_for_them(name, task):
    observation = tiny_problem(task).observe(0)
    refused = SOLVERS[name].get_instance().refusal(observation)
    for_it = SOLVERS[name].needs <= observation.offers
    assert refused is None if for_it else refused.startswith("needs ")


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_file(path):
    """Name equal to the stem, a citation, literal attributes, few lines, no clutter.

    `published` and `parameters` may name constants of the loaders and of other plugins.
    """
    tree = ast.parse(path.read_text())
    (cls,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    literals = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in cls.body
        if isinstance(node, ast.Assign)
        and node.targets[0].id not in ("published", "parameters")
    }
    assert literals["name"] == path.stem
    docstring = ast.get_docstring(cls)
    assert any(character.isdigit() for character in docstring), "a citation has a year"
    assert len(path.read_text().splitlines()) <= 110
    source = path.read_text()
    for word in ("cuda", "manual_seed", "DataLoader", "time.time", "print("):
        assert word not in source, f"{word} belongs into the base class"


@pytest.mark.parametrize(
    "file", sorted({file for s in SOLVERS.values() for file in s.published})
)
def test_published_weights_are_named_once(file):
    sources = [ROOT / "benchmark_inverse_problems", ROOT / "solvers"]
    paths = [p for folder in sources for p in folder.rglob("*.py")]
    assert len([p for p in paths if f'"{file}"' in p.read_text()]) == 1


@pytest.mark.parametrize("cls", PLUGINS, ids=lambda cls: cls.name)
def test_every_parameter_is_declared(cls):
    """Its meaning is a sentence, its defaults are allowed, and both are in the docstring."""
    for name, values in cls.parameters.items():
        assert isinstance(values, Values), f"{name}: write Number, Choice or Name"
        assert values.meaning.endswith(".")
        assert all(values.has(value) for value in values)
        assert f"{name} : {values.allowed()}" in cls.__doc__
        assert values.meaning in cls.__doc__


@pytest.mark.parametrize("cls", PLUGINS, ids=lambda cls: cls.name)
def test_what_no_parameter_may_be_is_refused(cls):
    for name, values in cls.parameters.items():
        odd = 7 if isinstance(values, Choice) else True
        for bad in ([1], float("nan"), -1e9, odd, ""):
            refused = cls.get_instance(**{name: bad}).refused
            assert f"{name}={bad} of {cls.name} is not allowed" in refused
            assert values.allowed() in refused


@pytest.mark.parametrize("name", [n for n, s in SOLVERS.items() if s.parameters])
def test_every_solver_parameter_reaches_build(name):
    arguments = dict(inspect.signature(SOLVERS[name].build).parameters)
    rest = [k for k, v in arguments.items() if v.kind is v.VAR_KEYWORD]
    named = set(arguments) - {"self", "example", *rest}
    parameters = set(SOLVERS[name].parameters) - {"precision"}
    assert named <= parameters if rest else named == parameters


NETWORKS = [n for n, s in SOLVERS.items() if "precision" in s.parameters]
# Those that are fitted to the measurement have a learning rate.
FIXED = [n for n in NETWORKS if "lr" not in SOLVERS[n].parameters]


@pytest.mark.parametrize("name", FIXED)
def test_bfloat16_is_used_and_close(name):
    tasks = {
        "3d": "volume_mri",
        "magnitudes": "coded_diffraction",
        "blur": "blind_deblur",
    }
    special = tasks.keys() & SOLVERS[name].needs
    problem = tiny_problem(tasks[special.pop()] if special else "denoise")
    exact = reconstruct(name, problem, **bundled(name) | {"precision": "float32"})
    rounded = reconstruct(name, problem, **bundled(name) | {"precision": "bfloat16"})
    assert not torch.equal(exact[0].x_hat, rounded[0].x_hat)
    # Fresh noise and gradients amplify the rounding.
    close = 0.05 if name == "dps" else 0.02
    assert psnr(problem, rounded) == pytest.approx(psnr(problem, exact), abs=close)


def test_unknown_precision_is_refused():
    solver = SOLVERS["dpir"].get_instance(precision="float8")
    with pytest.raises(NotAllowed, match="use float32 or bfloat16"):
        solver.check_parameters()


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - set(FIXED)))
def test_a_fit_has_a_precision(name):
    """A fit goes other ways in bfloat16, to images that are as good."""
    problem = tiny_problem("denoise")
    settings = SOLVERS[name].test_config
    exact = reconstruct(name, problem, **settings | {"precision": "float32"})
    again = reconstruct(name, problem, **settings | {"precision": "float32"})
    rounded = reconstruct(name, problem, **settings | {"precision": "bfloat16"})
    torch.testing.assert_close(exact[0].x_hat, again[0].x_hat, rtol=0, atol=1e-3)
    assert psnr(problem, rounded) == pytest.approx(psnr(problem, exact), abs=1)
    if torch.cpu._is_avx512_bf16_supported():
        assert (exact[0].x_hat - rounded[0].x_hat).abs().max() > 1e-3


def test_every_solver_with_a_network_has_a_precision():
    with_weights = {n for n, s in SOLVERS.items() if "weights" in s.parameters}
    assert with_weights <= set(NETWORKS)


def other_value(cls, key, value):
    """A value of a dataset's parameter that is not the given one."""
    if key == "images":
        return f"{value}_tuning" if f"{value}_tuning" in IMAGE_SETS else "tuning"
    if key == "n_images":
        return 1
    if key == "crop":  # patches are smaller than other crops
        return 24 if cls.view == "gray_patches" else 48
    if key in ("size", "coils"):
        return value - (2 if key == "size" else 1)  # some operators need even sides
    values = [*cls.parameters[key], *getattr(cls, "test_parameters", {}).get(key, [])]
    others = [v for v in values if v != value]
    return others[0] if others else 0.8 * value


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_parameter_changes_the_problem(name):
    cls = DATASETS[name]
    config = next(product_param(cls.parameters)) | {"n_images": 2}
    config |= {"size": 16} if "size" in config else {"crop": 64}
    if config["images"] == "auto":
        config["images"] = "bundled"
    reference = cls.get_instance(**config).get_data()["problem"].fingerprint
    for key, value in config.items():
        if (
            isinstance(cls.parameters[key], Choice)
            and len(cls.parameters[key].known) < 2
        ):
            continue  # nothing else is allowed
        if (name, key) == ("blind_deblur", "kernel"):
            continue  # what solvers are told does not change the measurement
        changed = cls.get_instance(**config | {key: other_value(cls, key, value)})
        fingerprint = changed.get_data()["problem"].fingerprint
        assert fingerprint != reference, f"{changed} is the same problem as {config}"


@pytest.mark.parametrize("name", DATASETS)
def test_get_data_is_lazy(name):
    import time

    instance = DATASETS[name].get_instance()
    start = time.perf_counter()
    instance.get_data()
    assert time.perf_counter() - start < 0.5, "get_data runs for every cached cell"


@pytest.mark.parametrize("name", SOLVERS)
def test_solver_has_a_test_case(name):
    cls = DATASETS[TESTED_ON[name]]
    for config in get_configs(cls, None, SOLVERS[name]):
        problem = cls.get_instance(**config["dataset"]).get_data()["problem"]
        solver = SOLVERS[name].get_instance(**config["solver"])
        if solver.refusal(problem.observe(0)) is None:
            return
    pytest.fail(f"{name} skips every case of benchopt's own tests")


CONFIGS = sorted((ROOT / "configs").glob("*.yml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_configs_name_what_exists(path):
    config = yaml.safe_load(path.read_text())
    if "solver" not in config:
        return
    BENCHMARK.check_solver_patterns(config["solver"])
    BENCHMARK.check_dataset_patterns(config["dataset"])


def test_no_absolute_path_in_the_configuration():
    for path in [ROOT / "config.yml", *CONFIGS]:
        # Whose folders they are is everybody's own business.
        text = path.read_text().split("data_home:")[0].split("data_paths:")[0]
        for line in text.splitlines():
            assert not line.split("#")[0].strip().startswith(("/", "~"))
            assert ": /" not in line and ": ~" not in line


def test_bicubic_is_aligned_with_the_operators_grid():
    for task in ("sr", "sr_matlab"):
        problem = tiny_problem(task)
        x, observation = problem.judged(0)
        (item, *_) = reconstruct("bicubic", problem)
        inner = (..., slice(4, -4), slice(4, -4))

        def error(shift, x=x, item=item, inner=inner):
            return float((torch.roll(item.x_hat, shift, (-2, -1)) - x)[inner].norm())

        shifts = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
        assert min(shifts, key=error) == (0, 0), task
