"""Judging a method from Python gives what the command line gives."""

import random
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from benchopt.cli.main import run as benchopt_run
from PIL import Image
from threadpoolctl import threadpool_info, threadpool_limits
from torch import nn

import benchmark_inverse_problems
from benchmark_inverse_problems import compare, evaluate, evaluation
from benchmark_inverse_problems import suite as library
from benchmark_inverse_problems.support.precision import SWITCHES, standard_numerics

from .conftest import ROOT

PROBLEM = "simulated[task=deblur]"


class Scaled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(7))

    def forward(self, y, physics):
        assert not self.training and not torch.is_grad_enabled()
        return self.gain[0] * physics.A_adjoint(y)


def use(suite, monkeypatch):
    """Let `evaluate` and `compare` work in a copy of the suite."""
    monkeypatch.setattr(evaluation, "BENCHMARK", suite.folder)
    monkeypatch.setattr(library, "BENCHMARK", suite.folder)


def test_same_scores_as_the_command_line(suite, monkeypatch):
    use(suite, monkeypatch)
    expected = suite.run("-s", "adjoint", "-d", PROBLEM)
    found = evaluate(lambda y, physics: physics.A_adjoint(y), PROBLEM)
    assert len(found) == 2
    for name in ("psnr", "ssim", "residual", "psnr_range", "image", "fingerprint"):
        column = f"objective_{name}"
        assert found[column].tolist() == expected[column].tolist()
    judged = {c for c in expected.columns if c.startswith("objective_")}
    assert judged <= set(found.columns)


def test_modules_and_tables_beside_cached_solvers(suite, monkeypatch):
    use(suite, monkeypatch)
    suite.run("-s", "adjoint", "-d", PROBLEM)
    results = compare(Scaled(), PROBLEM, ["adjoint"], name="scaled")
    assert results.solver_name.tolist() == ["scaled"] * 2 + ["adjoint"] * 2
    psnr = results.groupby("solver_name").objective_psnr.mean()
    assert psnr["scaled"] == pytest.approx(psnr["adjoint"], abs=1e-3)
    counts = results.groupby("solver_name").objective_parameters.first()
    assert counts["scaled"] == 7 and counts["adjoint"] == 0
    assert not list((suite.folder / "outputs").glob("evaluation*"))


def test_several_problems_at_once():
    found = evaluate(lambda y, _: y, "simulated[task=[denoise,poisson]]")
    assert found.dataset_name.nunique() == 2


def test_bad_methods_and_problems():
    with pytest.raises(ValueError, match="return an estimate of the image's size"):
        evaluate(lambda y, _: y[..., 1:], "simulated")
    with pytest.raises(ValueError, match="NaN or infinite"):
        evaluate(lambda y, _: y / 0, "simulated")
    with pytest.raises(ValueError, match="There is no dataset nowhere: use one of"):
        evaluate(lambda y, _: y, "nowhere")
    with pytest.raises(
        ValueError, match="no parameter Crop of simulated: did you mean c"
    ):
        evaluate(lambda y, _: y, "simulated[Crop=32]")
    with pytest.raises(ValueError, match="^tv cannot be used: a package"):
        evaluate(lambda y, _: y, str(ROOT / "solvers" / "tv.py"))
    with pytest.raises(AttributeError, match="no attribute 'judge_me'"):
        _ = benchmark_inverse_problems.judge_me


def test_example(capsys, suite, monkeypatch):
    use(suite, monkeypatch)
    runpy.run_path(str(ROOT / "examples" / "evaluate_my_model.py"), run_name="__main__")
    table = capsys.readouterr().out.splitlines()[-4:]
    rows = {line.split()[0]: float(line.split()[1]) for line in table if "." in line}
    assert set(rows) == {"adjoint", "pseudoinverse", "landweber"}
    assert rows["landweber"] > rows["adjoint"]


def test_compare_shares_the_cache_of_the_command_line(suite, monkeypatch, capsys):
    """A cell that `benchopt run .` has computed is not computed again, nor the other way."""
    use(suite, monkeypatch)
    suite.add_solver(
        "counted", "open('calls', 'a').write('x')\n        return lambda y, _: y"
    )
    monkeypatch.chdir(suite.folder)
    options = ["-s", "counted", "-d", PROBLEM, "--no-display", "--no-plot"]
    benchopt_run([".", *options], standalone_mode=False)
    calls = Path(suite.folder / "calls")
    assert calls.read_text() == "x"
    for _ in range(2):
        results = compare(lambda y, _: y, PROBLEM, ["counted"])
        assert set(results.solver_name) == {"mine", "counted"}
    assert calls.read_text() == "x"


def test_compare_with_nobody_runs_nobody(suite, monkeypatch):
    use(suite, monkeypatch)
    monkeypatch.setattr(evaluation, "results_of", None)
    results = compare(lambda y, _: y, PROBLEM, [])
    assert set(results.solver_name) == {"mine"}


def test_a_method_may_return_its_own_buffer_each_time():
    problem = "simulated[task=denoise,n_images=3]"

    class Buffered:
        def __call__(self, y, physics):
            if not hasattr(self, "buffer"):
                self.buffer = torch.empty_like(y)
            return self.buffer.copy_(y)

    expected = evaluate(lambda y, _: y, problem)["objective_psnr"]
    found = evaluate(Buffered(), problem)["objective_psnr"]
    assert found.tolist() == expected.tolist()
    assert found.tolist() == pytest.approx([20.11, 19.93, 20.15], abs=0.01)


class Owned(torch.nn.Module):
    """A module of somebody else, with all that `evaluate` might change."""

    def __init__(self):
        super().__init__()
        self.flat = torch.nn.Conv2d(3, 3, 3, padding=1)
        self.deep = torch.nn.Conv3d(1, 1, 3, padding=1)
        self.frozen = torch.nn.Parameter(torch.zeros(2, 3, 4, 5), requires_grad=False)
        self.normal = torch.nn.BatchNorm2d(3)
        self.register_buffer("seen", torch.zeros(()))
        self.scripted = torch.jit.script(torch.nn.Conv2d(3, 3, 1))
        self.normal.eval()

    def forward(self, y, physics):
        # A view needs the layout that the parameter was made with.
        assert self.frozen.view(2, 60).shape == (2, 60)
        assert self.flat.weight.view(3, 27).shape == (3, 27)
        assert not self.training and not self.flat.training
        self.seen += 1
        x = self.normal(self.flat(y)) + self.scripted(y)
        return y + 0 * (x + self.deep(y.unsqueeze(1)).squeeze(1))


def world(module):
    """What belongs to the caller."""
    return {
        "gradients": [p.requires_grad for p in module.parameters()],
        "modes": [part.training for part in module.modules()],
        "strides": [p.stride() for p in module.parameters()],
        "devices": [p.device for p in module.parameters()],
        "buffers": [b.tolist() for b in module.buffers()],
        "values": [p.tolist() for p in module.parameters()],
        "threads": torch.get_num_threads(),
    }


def draws():
    return [torch.rand(()).item(), np.random.rand(), random.random()]


def test_the_callers_world_stays_as_it_was():
    module = Owned()
    before = world(module)
    torch.manual_seed(1), np.random.seed(1), random.seed(1)
    expected = draws()
    torch.manual_seed(1), np.random.seed(1), random.seed(1)
    evaluate(module, PROBLEM)
    assert draws() == expected
    assert world(module) == before
    with pytest.raises(ValueError, match="image's size"):
        evaluate(Cropping(module), PROBLEM)
    assert world(module) == before
    first = draws()
    evaluate(lambda y, _: y, PROBLEM)
    assert draws() != first


class Alone(torch.nn.Module):
    def forward(self, y):
        return y


class Changing(torch.nn.Module):
    """A module that changes all that it has while it reconstructs."""

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(2))
        self.gain.grad = torch.ones(2)
        self.register_buffer("kept", torch.zeros(3))
        self.register_buffer("gone", torch.ones(3))
        self.mode = "mine"

    def train(self, mode=True):
        self.mode = "mine" if mode else "other"
        return super().train(mode)

    def forward(self, y, physics):
        if self.gone is not None:
            self.register_buffer("new", y)
            self.kept, self.gone = y, None
        with torch.enable_grad():
            (self.gain * 2).sum().backward()
        self.gain.data -= 0.1 * self.gain.grad
        return self.gain[0].item() * physics.A_adjoint(y)


def test_a_module_comes_back_whatever_it_does():
    module = Changing()
    kept, gradient = module.kept, module.gain.grad
    first, second = (evaluate(module, PROBLEM).objective_psnr for _ in range(2))
    assert first.tolist() == second.tolist()
    assert module.gain.tolist() == [1, 1]
    assert module.gain.grad is gradient and gradient.tolist() == [1, 1]
    assert module.kept is kept and kept.tolist() == [0, 0, 0]
    assert module.gone.tolist() == [1, 1, 1] and not hasattr(module, "new")
    assert module.mode == "mine" and module.training


def test_lazy_modules_are_left_alone():
    normal = torch.nn.LazyBatchNorm2d()
    assert len(evaluate(Cropped(normal), PROBLEM)) == 2
    assert {"running_mean", "running_var"} <= set(dict(normal.named_buffers()))
    lazy = torch.nn.Sequential(torch.nn.LazyConv2d(3, 1))
    evaluate(lambda y, _: y + 0 * lazy(y), PROBLEM)
    assert len(evaluate(Cropped(torch.nn.LazyConv2d(3, 1)), PROBLEM)) == 2


class Cropped(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, y, physics):
        return y + 0 * self.inner(y)


def test_threads_of_other_libraries_come_back(monkeypatch):
    monkeypatch.setenv("INVERSE_PROBLEMS_THREADS", "1")
    with threadpool_limits(2):
        before = [pool["num_threads"] for pool in threadpool_info()]
        evaluate(lambda y, _: y, PROBLEM)
        assert [pool["num_threads"] for pool in threadpool_info()] == before


MOVES = [
    lambda: torch.set_default_dtype(torch.float64),
    lambda: torch.set_float32_matmul_precision("medium"),
    lambda: torch.set_autocast_enabled("cpu", True),
    lambda: torch.set_grad_enabled(False),
    lambda: torch.use_deterministic_algorithms(True),
    lambda: setattr(torch.backends.cudnn, "benchmark", True),
    lambda: torch.set_default_device("meta"),
    lambda: torch.autograd.set_detect_anomaly(True),
    lambda: np.seterr(all="raise"),
]


@pytest.mark.parametrize("move", MOVES)
def test_a_switch_that_the_method_moves_changes_no_score(move):
    def method(y, physics):
        move()
        return y

    columns = ["objective_psnr", "objective_haarpsi"]
    before = [switch.read() for switch in SWITCHES]
    found, expected = (evaluate(f, PROBLEM)[columns] for f in (method, lambda y, _: y))
    assert found.equals(expected)
    assert [switch.read() for switch in SWITCHES] == before


@pytest.mark.parametrize("move", MOVES)
def test_a_switch_that_the_caller_moved_changes_no_score(move):
    """And stays as the caller wants it. The operator is a product of matrices."""
    problem = "bsds_random_projections[images=bundled,n_images=1,crop=32]"

    def method(y, physics):
        return physics.A_adjoint(y)

    columns = ["objective_psnr", "objective_fingerprint"]
    expected = evaluate(method, problem)[columns]
    with standard_numerics():
        move()
        before = [switch.read() for switch in SWITCHES]
        found = evaluate(method, problem)[columns]
        assert [switch.read() for switch in SWITCHES] == before
    assert found.equals(expected)


@pytest.mark.parametrize("name", ["adjoint", "tv[weight=1]", "", None, 3])
def test_a_method_has_a_name_of_its_own(name):
    with pytest.raises((TypeError, ValueError), match="give the method a"):
        compare(lambda y, _: y, PROBLEM, ["adjoint"], name=name)


@pytest.mark.parametrize("problem", [None, 3, ["simulated"]])
def test_patterns_are_texts(problem):
    with pytest.raises(TypeError, match="is a .* and no name: write a problem"):
        evaluate(lambda y, _: y, problem)
    with pytest.raises(TypeError, match="give a list of names"):
        compare(lambda y, _: y, PROBLEM, "adjoint")


def test_a_parameter_without_a_value_is_refused():
    with pytest.raises(ValueError, match="selects nothing: give each parameter"):
        evaluate(lambda y, _: y, "simulated[task=[]]")


def test_ones_own_rows_stay_where_all_others_skip(suite, monkeypatch):
    use(suite, monkeypatch)
    with pytest.warns(UserWarning, match="fbp gave no result"):
        found = compare(lambda y, _: y, "simulated[task=denoise]", ["fbp"])
    assert set(found.solver_name) == {"mine"}


@pytest.mark.parametrize("result", [(), (1, 2, 3)])
def test_several_values_are_an_image_and_its_spread(result):
    with pytest.raises(TypeError, match=r"values: return x_hat, or \(x_hat, spread\)"):
        evaluate(lambda y, _: result, PROBLEM)
    with pytest.raises(TypeError, match="return a dense one with values"):
        evaluate(lambda y, _: y.to_sparse(), PROBLEM)
    with pytest.raises(TypeError, match="is a nested tensor: return a dense one"):
        evaluate(lambda y, _: torch.nested.nested_tensor([y[0]]), PROBLEM)


@pytest.mark.parametrize(
    "problem", [PROBLEM, "div2k_sr4[images=bundled,n_images=1,crop=32]"]
)
def test_the_default_type_of_the_caller_changes_nothing(problem):
    def method(y, physics):
        x_hat = physics.A_adjoint(y)
        return x_hat + 0.1 * torch.randn(x_hat.shape)

    columns = ["objective_psnr", "objective_fingerprint"]
    expected = evaluate(method, problem)[columns]
    torch.set_default_dtype(torch.float64)
    try:
        found = evaluate(method, problem)[columns]
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert found.equals(expected)


def test_an_operator_that_the_method_writes_into_is_another_for_the_clock():
    """The untimed pass has its own one, so that the first image is like the others."""

    def scaled(y, physics):
        sigma = float(physics.noise_model.sigma)
        physics.noise_model.sigma = physics.noise_model.sigma * 2
        return y / (1 + (2 * sigma) ** 2)

    def plain(y, physics):
        return y / (1 + (2 * float(physics.noise_model.sigma)) ** 2)

    problem = "simulated[task=denoise,n_images=2]"
    found, expected = (evaluate(f, problem).objective_psnr for f in (scaled, plain))
    assert found.equals(expected)


class Replaced(torch.nn.Module):
    """Steps its weights, freezes them and grows while it runs."""

    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, y, physics):
        self.inner.weight = torch.nn.Parameter(self.inner.weight * 0.5)
        self.inner.bias.requires_grad_(False)
        self.more = torch.nn.Linear(1, 1)
        return y + 0.3 * self.inner(y)


def test_a_module_that_replaces_its_parts_comes_back():
    torch.manual_seed(0)
    method = Replaced()
    before = dict(method.named_parameters())
    first, second = (
        evaluate(method, "simulated[task=denoise]").objective_psnr for _ in range(2)
    )
    assert first.equals(second)
    assert dict(method.named_parameters()) == before
    assert all(p.requires_grad for p in method.parameters())


def test_pictures_that_change_meanwhile_are_refused(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")

    def method(y, physics):
        Image.fromarray(255 - pixels).save(tmp_path / "a.png")
        return y

    problem = f"simulated[task=denoise,images='{tmp_path}',n_images=1]"
    with pytest.raises(ValueError, match="has changed while it was in use"):
        evaluate(method, problem)


def test_solvers_of_a_comparison_may_be_an_iterator():
    found = compare(lambda y, _: y, PROBLEM, iter(["adjoint"]))
    assert found.solver_name.nunique() == 2


def test_different_measurements_are_not_compared(monkeypatch):
    others = evaluate(lambda y, _: y, PROBLEM, "others")
    found = others.assign(objective_fingerprint="0badc0de")
    monkeypatch.setattr(evaluation, "results_of", lambda *_: found)
    with pytest.raises(ValueError, match="are not the same for mine and for others"):
        compare(lambda y, _: y, PROBLEM, ["others"])


def test_a_caller_in_inference_mode_may_use_gradients():
    def descent(y, physics):
        with torch.enable_grad():
            x = y.clone().requires_grad_()
            loss = (physics.A(x) - y).square().sum()
            return x - 0.1 * torch.autograd.grad(loss, x)[0]

    problem = "simulated[task=denoise]"
    expected = evaluate(descent, problem).objective_psnr
    with torch.inference_mode():
        assert evaluate(descent, problem).objective_psnr.equals(expected)


class Cropping(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, y, physics):
        return self.inner(y, physics)[..., 1:]


def test_compiled_modules():
    compiled = torch.compile(Scaled(), backend="eager")
    assert len(evaluate(compiled, PROBLEM)) == 2


def test_what_cannot_be_called_is_one_sentence():
    with pytest.raises(TypeError, match="The method is a str and cannot be called"):
        evaluate("dpir", PROBLEM)


@pytest.mark.parametrize("method", [lambda y: y, lambda y, physics, level: y, Alone()])
def test_what_takes_other_arguments_is_one_sentence(method):
    with pytest.raises(TypeError, match=r"The method takes \(y.* \(y, physics\)"):
        evaluate(method, PROBLEM)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_module_of_other_numbers_is_told_what_to_do(dtype):
    """One that converts the measurements itself is judged."""

    class Own(nn.Module):
        def __init__(self, converts):
            super().__init__()
            self.network, self.converts = nn.Conv2d(3, 3, 3, padding=1), converts

        def forward(self, y, physics):
            y = y.to(dtype) if self.converts else y
            return self.network(y).float()

    words = f"parameters in {dtype} and failed (Input type"
    with pytest.raises(TypeError, match=re.escape(words)):
        evaluate(Own(converts=False).to(dtype), PROBLEM)
    assert len(evaluate(Own(converts=True).to(dtype), PROBLEM)) == 2


def test_a_module_without_values_is_refused():
    with pytest.raises(ValueError, match="on the device meta: load its weights"):
        evaluate(nn.Bilinear(2, 2, 2, device="meta"), PROBLEM)


def test_other_failures_of_a_module_stay_as_they_are():
    class Failing(nn.Module):
        def forward(self, y, physics):
            raise RuntimeError("its own words")

    with pytest.raises(RuntimeError, match="its own words"):
        evaluate(Failing(), PROBLEM)


def test_solvers_that_are_named_twice_run_once(suite, monkeypatch):
    monkeypatch.setattr(evaluation, "BENCHMARK", suite.folder)
    found = compare(lambda y, _: y, PROBLEM, ["adjoint", "adjoint"])
    assert found.groupby("solver_name")["objective_image"].nunique().to_dict() == {
        "adjoint": 2,
        "mine": 2,
    }
    assert len(found) == 4
