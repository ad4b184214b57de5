"""Judging a method from Python gives what the command line gives."""

import random
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from benchopt.cli.main import run as benchopt_run

import benchmark_inverse_problems
from benchmark_inverse_problems import compare, evaluate, evaluation
from benchmark_inverse_problems import suite as library

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
    with pytest.raises(ValueError, match="nowhere"):
        evaluate(lambda y, _: y, "nowhere")
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


@pytest.mark.parametrize("method", [lambda y: y, lambda y, physics, level: y])
def test_what_takes_other_arguments_is_one_sentence(method):
    with pytest.raises(TypeError, match=r"The method takes \(y.* \(y, physics\)"):
        evaluate(method, PROBLEM)
