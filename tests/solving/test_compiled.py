"""The setting that compiles networks: its values, the key, the columns, the clock."""

from functools import partial

import pytest
import torch

from benchmark_inverse_problems import evaluate
from benchmark_inverse_problems.commands.run import main
from benchmark_inverse_problems.networks import compiled
from benchmark_inverse_problems.networks.drunet import MultiHeadDRUNet
from benchmark_inverse_problems.solving import settings

PROBLEM = "simulated[task=denoise]"


@pytest.fixture
def compiling(monkeypatch):
    """Networks are traced as for the compiler, and no code is generated."""
    monkeypatch.setenv("INVERSE_PROBLEMS_COMPILE", "on")
    monkeypatch.setattr(settings, "can_compile", lambda device: True)
    monkeypatch.setattr(
        "benchmark_inverse_problems.solving.solver.compile_parts",
        partial(compiled.compile_parts, backend="eager"),
    )
    monkeypatch.setattr(compiled, "KEPT", type(compiled.KEPT)())


def test_off_is_the_default_and_needs_no_compiler(monkeypatch):
    monkeypatch.delenv("INVERSE_PROBLEMS_COMPILE")
    monkeypatch.setattr(settings, "can_compile", lambda device: False)
    assert settings.compiled() == "off"


def test_without_a_compiler_networks_run_as_they_are(monkeypatch):
    monkeypatch.setenv("INVERSE_PROBLEMS_COMPILE", "on")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    settings.warn_no_compiler.cache_clear()
    with pytest.warns(UserWarning, match="needs a C.. compiler such as g..") as seen:
        assert settings.compiled() == settings.compiled() == "off"
    assert len(seen) == 1


def test_a_compiler_is_found_by_its_name_or_by_cxx(monkeypatch, tmp_path):
    cpu = torch.device("cpu")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert not settings.can_compile(cpu)
    mine = tmp_path / "mine"
    mine.touch(0o755)
    assert not settings.can_compile(cpu)
    monkeypatch.setenv("CXX", str(mine))
    assert settings.can_compile(cpu)
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    assert not settings.can_compile(torch.device("cuda"))


@pytest.mark.parametrize("value", ["yes", "graphs"])
def test_an_unknown_value_is_one_sentence(monkeypatch, capsys, value):
    monkeypatch.setenv("INVERSE_PROBLEMS_DEVICE", "cpu")
    monkeypatch.setenv("INVERSE_PROBLEMS_COMPILE", value)
    assert main(["-s", "adjoint", "-d", "simulated", "--no-plot"]) == 1
    printed = capsys.readouterr().out
    assert f"INVERSE_PROBLEMS_COMPILE is '{value}'" in printed
    assert "use one of off, on." in printed and "Traceback" not in printed


def test_the_setting_is_in_the_key_and_in_the_results(
    suite, monkeypatch, capsys, compiling
):
    solver = "unrolled[algorithm=hqs,tied=True]"
    arguments = ("-s", solver, "-s", "adjoint", "-d", PROBLEM)
    on = suite.run(*arguments).set_index("solver_name")
    monkeypatch.setenv("INVERSE_PROBLEMS_COMPILE", "off")
    capsys.readouterr()
    off = suite.run(*arguments).set_index("solver_name")
    assert "(cached)" not in capsys.readouterr().out
    for df, value in ((on, "on"), (off, "off")):
        assert set(df.objective_compiled) == {value}
    assert off.objective_compile_time.isna().all()
    seconds = on.objective_compile_time
    assert (seconds.filter(like="unrolled") > 0).all()
    assert seconds.filter(like="adjoint").isna().all()
    for column, tolerance in (("psnr", 1e-3), ("gflops", 0)):
        gap = on[f"objective_{column}"] - off[f"objective_{column}"]
        assert gap.abs().max() <= tolerance
    monkeypatch.setenv("INVERSE_PROBLEMS_COMPILE", "on")
    suite.run(*arguments)
    assert "(cached)" in capsys.readouterr().out


def test_compiling_is_outside_of_the_clock(suite, monkeypatch, compiling):
    inside = []
    compile_part = compiled.Part.compile

    def watched(part, *arguments):
        inside.append(compiled.STATE.compilation is not None)
        return compile_part(part, *arguments)

    monkeypatch.setattr(compiled.Part, "compile", watched)
    df = suite.run("-s", "rim[iterations=4]", "-d", PROBLEM)
    # The first step of the recurrence has no state, and is another graph.
    assert inside == [True] * 2 and (df.objective_compile_time > 0).all()


def test_networks_of_the_user_are_left_alone(compiling):
    network = MultiHeadDRUNet(widths=(4, 4, 8, 8), blocks=1)

    class Mine(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, y, physics):
            return self.network(y, 0.1)

    df = evaluate(Mine(), PROBLEM)
    assert df.objective_compile_time.isna().all() and not compiled.KEPT
    assert "forward_unet" not in vars(network)
