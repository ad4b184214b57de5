"""Judging a method from Python gives what the command line gives."""

import runpy

import pytest
import torch

import benchmark_inverse_problems
from benchmark_inverse_problems import compare, evaluate, evaluation

from .conftest import ROOT

PROBLEM = "simulated[task=deblur]"


class Scaled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(7))

    def forward(self, y, physics):
        assert not self.training and not torch.is_grad_enabled()
        return self.gain[0] * physics.A_adjoint(y)


def test_same_scores_as_the_command_line(suite, monkeypatch):
    monkeypatch.setattr(evaluation, "BENCHMARK", suite.folder)
    expected = suite.run("-s", "adjoint", "-d", PROBLEM)
    found = evaluate(lambda y, physics: physics.A_adjoint(y), PROBLEM)
    assert len(found) == 2
    for name in ("psnr", "ssim", "residual", "psnr_range", "image", "fingerprint"):
        column = f"objective_{name}"
        assert found[column].tolist() == expected[column].tolist()
    judged = {c for c in expected.columns if c.startswith("objective_")}
    assert judged <= set(found.columns)


def test_modules_and_tables_beside_cached_solvers(suite, monkeypatch):
    monkeypatch.setattr(evaluation, "BENCHMARK", suite.folder)
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
    monkeypatch.setattr(evaluation, "BENCHMARK", suite.folder)
    runpy.run_path(str(ROOT / "examples" / "evaluate_my_model.py"), run_name="__main__")
    table = capsys.readouterr().out.splitlines()[-4:]
    rows = {line.split()[0]: float(line.split()[1]) for line in table if "." in line}
    assert set(rows) == {"adjoint", "pseudoinverse", "landweber"}
    assert rows["landweber"] > rows["adjoint"]
