"""The contract of solvers: what the base class guarantees, and bad solvers."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from benchopt.benchmark import Benchmark
from benchopt.cli import benchopt
from threadpoolctl import threadpool_info

from benchmark_inverse_problems.commands.run import main
from benchmark_inverse_problems.judge.reconstruction import check_reconstruction
from benchmark_inverse_problems.solving import settings
from benchmark_inverse_problems.solving.failures import read_failures
from benchmark_inverse_problems.support.precision import use_standard

from ..conftest import ROOT

BAD = {
    "raises": ("raise RuntimeError('the method gave up')", "the method gave up"),
    "huge": (
        "return lambda y, physics: torch.full(y.shape, 1e300, dtype=torch.float64)",
        "NaN or infinite",
    ),
    "nan": ("return lambda y, physics: y * float('nan')", "NaN or infinite"),
    "shape": (
        "return lambda y, physics: y[..., 1:]",
        "return an estimate of the image",
    ),
    "dtype": ("return lambda y, physics: y.to(torch.int64)", "torch.int64"),
    "array": ("return lambda y, physics: y.numpy()", "must be a tensor"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_solver_fails_alone_in_one_sentence(suite, capsys, kind):
    body, words = BAD[kind]
    suite.add_solver("bad", body)
    df = suite.run("-s", "bad", "-s", "adjoint", "-d", "simulated")
    assert set(df.solver_name) == {"adjoint"}
    (failure,) = read_failures(suite.folder / "outputs")
    assert failure["solver"] == "bad"
    assert words in failure["error"]
    assert "\n" not in failure["error"]
    printed = capsys.readouterr()
    lines = (printed.out + printed.err).splitlines()
    assert any(words in line and "Error: " in line for line in lines)


def test_a_failure_is_forgotten_once_the_cell_succeeds(suite):
    trouble = suite.folder / "trouble"
    trouble.touch()
    suite.add_solver(
        "bad", f"open({str(trouble)!r}, 'x')\n        return lambda y, _: y"
    )
    assert suite.run("-s", "bad", "-d", "simulated") is None
    assert len(read_failures(suite.folder / "outputs")) == 1
    trouble.unlink()
    assert len(suite.run("-s", "bad", "-d", "simulated")) == 2
    assert read_failures(suite.folder / "outputs") == []


def test_a_solver_may_write_into_its_y(suite):
    suite.add_solver("vandal", "return lambda y, physics: y.mul_(0)")
    df = suite.run(
        "-s", "vandal", "-s", "adjoint", "-d", "simulated", "-d", "simulated"
    )
    adjoint = df[df.solver_name == "adjoint"]
    assert (adjoint.objective_residual < 1e-6).all()
    assert np.allclose(df[df.solver_name == "vandal"].objective_residual, 1)


def test_images_do_not_influence_each_other(suite):
    suite.add_solver("random", "return lambda y, physics: y + torch.randn_like(y)")
    two = suite.run("-s", "random", "-d", "simulated[n_images=2]")
    one = suite.run("-s", "random", "-d", "simulated[n_images=1]")
    assert one.objective_psnr.iloc[0] == two.objective_psnr.iloc[0]


def test_wrapper_lists_failed_cells_and_returns_one(suite, capsys, monkeypatch):
    monkeypatch.setattr(
        "benchmark_inverse_problems.commands.run.BENCHMARK", suite.folder
    )
    arguments = ["-s", "adjoint", "-d", "simulated", "--no-plot"]
    assert main(arguments) == 0
    suite.add_solver("bad", BAD["nan"][0])
    assert main([*arguments, "-s", "bad"]) == 1
    printed = capsys.readouterr().out.splitlines()
    (line,) = (li for li in printed if "FAILED" in li)
    assert line.startswith("  FAILED bad: ") and "NaN" in line
    assert printed[printed.index(line) - 1].split()[0] == "adjoint"


def test_missing_package_leaves_the_others_working(suite, capsys):
    suite.add_solver("foreign", "return None", head="import a_package_nobody_has")
    df = suite.run("-s", "foreign", "-s", "adjoint", "-d", "simulated")
    assert set(df.solver_name) == {"adjoint"}
    assert "not installed" in capsys.readouterr().out
    benchopt(["info", str(suite.folder)], standalone_mode=False)
    assert "foreign" in capsys.readouterr().out


def test_interrupted_run_resumes_from_the_cache(suite):
    """Ctrl-C in the middle: what was finished is not computed again."""
    log = suite.folder / "calls.txt"
    for name, pause in (("quick", 0), ("slow", 60)):
        suite.add_solver(
            name,
            f"open({str(log)!r}, 'a').write('{name}\\n')\n"
            f"        import time, os\n"
            f"        time.sleep(0 if os.environ.get('HURRY') else {pause})\n"
            "        return lambda y, physics: y",
        )
    command = [sys.executable, "-m", "benchopt", "run", str(suite.folder)]
    command += ["-s", "quick", "-s", "slow", "-d", "simulated", "--no-plot"]
    # A test run in the background ignores Ctrl-C, and so would what it starts.
    interruptible = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=interruptible,
    )
    deadline = time.monotonic() + 120
    while not (log.exists() and "slow" in log.read_text()):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    assert log.read_text().split() == ["quick", "slow"]
    environment = os.environ | {"HURRY": "1"}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert log.read_text().split() == ["quick", "slow", "slow"]


def test_check_reconstruction_accepts_what_is_right():
    check_reconstruction(torch.zeros(1, 3, 4, 4), (1, 3, 4, 4))


def test_a_method_that_leaves_the_folder_loses_no_results(suite, monkeypatch, capsys):
    body = "import os; os.chdir('/'); return physics.A_adjoint(y)"
    assert failing(suite, monkeypatch, body) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^  bad +\d", printed, re.MULTILINE) and "Results:" in printed


@pytest.mark.parametrize("threads", ["many", "0", "-1", "²", "1000000", ""])
def test_threads_setting_is_checked(suite, monkeypatch, threads):
    monkeypatch.setenv("INVERSE_PROBLEMS_THREADS", threads)
    with pytest.raises(ValueError, match="set it to a whole number of threads from 1"):
        settings.threads()


@pytest.mark.parametrize("wanted", [2, 1])
def test_threads_are_those_of_linear_algebra_too(monkeypatch, wanted):
    monkeypatch.setenv("INVERSE_PROBLEMS_THREADS", str(wanted))
    settings.use_threads(settings.threads())
    assert wanted == torch.get_num_threads()
    pools = [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"]
    assert pools and set(pools) == {wanted}


def test_repository_has_no_package_file_among_the_plugins():
    for folder in ("datasets", "solvers"):
        assert not (ROOT / folder / "__init__.py").exists()


def test_an_unknown_device_is_one_sentence_cached_or_not(suite, monkeypatch, capsys):
    monkeypatch.setattr(
        "benchmark_inverse_problems.commands.run.BENCHMARK", suite.folder
    )
    arguments = ["-s", "adjoint", "-d", "simulated", "--no-plot"]
    assert main(arguments) == 0
    for device in ("banana", "cuda:99"):
        monkeypatch.setenv("INVERSE_PROBLEMS_DEVICE", device)
        capsys.readouterr()
        assert main(arguments) == 1
        printed = capsys.readouterr().out
        assert f"INVERSE_PROBLEMS_DEVICE is '{device}', which this machine" in printed
        assert "use one of cpu" in printed and "Traceback" not in printed


def test_the_device_is_in_the_key_and_in_the_results(suite, monkeypatch, capsys):
    name = settings.device_name()
    assert re.fullmatch(r"(cpu|cuda) \(.+\)", name)
    df = suite.run("-s", "adjoint", "-d", "simulated")
    assert set(df.objective_device) == {name}
    assert "(cached)" not in capsys.readouterr().out
    suite.run("-s", "adjoint", "-d", "simulated")
    assert "(cached)" in capsys.readouterr().out
    monkeypatch.setattr(settings, "device_name", lambda: "cpu (another)")
    suite.run("-s", "adjoint", "-d", "simulated")
    assert "(cached)" not in capsys.readouterr().out


def test_published_weights_are_in_the_key(monkeypatch, tmp_path):
    (ram,) = (s for s in Benchmark(ROOT).get_solvers() if s.name == "ram")
    monkeypatch.setattr(
        "benchmark_inverse_problems.solving.solver.published_path",
        lambda name: tmp_path / name,
    )
    states = []
    for content in (None, b"one", b"other"):
        if content:
            (tmp_path / ram.published[0]).write_bytes(content)
        states.append(ram.get_instance(weights="published")._get_state()["weights"])
    assert len(set(states)) == 3
    assert "weights" not in ram.get_instance(weights="bundled")._get_state()


def test_names_of_outputs_are_names(suite, monkeypatch, capsys):
    """No pattern, and no word that is cut: the dashboard lies where it is said."""
    monkeypatch.setattr(
        "benchmark_inverse_problems.commands.run.BENCHMARK", suite.folder
    )
    arguments = ["-s", "adjoint", "-d", "simulated", "--output"]
    for name in ("my results", "x[1]"):
        assert main([*arguments, name]) == 0
        printed = capsys.readouterr().out
        for kind in ("Results", "Dashboard"):
            (path,) = re.findall(rf"^{kind}: (.*)$", printed, re.MULTILINE)
            assert Path(path).exists() and name.split("[")[0] in path


def failing(suite, monkeypatch, body, *options):
    """Run a solver with some body beside a healthy one: exit status."""
    monkeypatch.setattr(
        "benchmark_inverse_problems.commands.run.BENCHMARK", suite.folder
    )
    suite.add_solver(
        "bad", f"def method(y, physics):\n            {body}\n        return method"
    )
    arguments = ["-s", "bad", "-s", "adjoint", "-d", "simulated", "--no-plot", *options]
    return main(arguments)


def test_a_method_that_exits_is_listed(suite, monkeypatch, capsys):
    assert failing(suite, monkeypatch, "import sys; sys.exit(0)") == 1
    printed = capsys.readouterr().out
    assert "FAILED bad: SystemExit" in printed
    assert "Results:" in printed


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise type('Odd', (BaseException,), {})('odd')", "FAILED bad: Odd: odd"),
        ("raise GeneratorExit", "FAILED bad: GeneratorExit"),
        (
            "raise type('Mute', (ValueError,), {'__str__': lambda self: 1 / 0})",
            "FAILED bad: Mute: without a text",
        ),
        ("raise ValueError('\\n\\nlate')", "FAILED bad: ValueError: late"),
        ("raise ValueError('\\ud800')", "FAILED bad: ValueError: ?"),
    ],
)
def test_whatever_a_method_raises_is_listed(suite, monkeypatch, capsys, body, words):
    assert failing(suite, monkeypatch, body) == 1
    printed = capsys.readouterr().out
    assert words in printed and "Results:" in printed


def test_the_key_knows_what_a_plugin_imports_and_reads(suite, tmp_path, monkeypatch):
    """Modules beside the suite, the files of `reads`, and the plugin's own file."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "their_parts.py").write_text("SCALE = 1")
    (tmp_path / "their_help.py").write_text("from their_parts import SCALE")
    suite.add_solver("mine", "return lambda y, _: y", head="import their_help")
    file = suite.folder / "solvers" / "mine.py"
    file.write_text(file.read_text() + '    reads = ("mine.bin",)\n')
    weights = file.with_suffix(".bin")
    weights.write_bytes(b"one")

    def state():
        (solver,) = (
            s for s in Benchmark(suite.folder).get_solvers() if s.name == "mine"
        )
        return solver.get_instance()._get_state()["own"]

    seen = [state()]
    assert state() == seen[0]
    (tmp_path / "their_parts.py").write_text("SCALE = 2")
    seen.append(state())
    weights.write_bytes(b"two")
    seen.append(state())
    file.write_text(file.read_text() + "    # another\n")
    seen.append(state())
    assert len(set(seen)) == 4
    for name in ("their_help", "their_parts"):
        sys.modules.pop(name)


@pytest.mark.parametrize("loaded", [False, True])
def test_the_key_knows_what_a_function_of_a_plugin_will_import(
    suite, tmp_path, monkeypatch, loaded
):
    """A package, with a part that another part imports by its place in the package."""
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "their_package"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "inner" / "__init__.py").write_text("")
    (folder / "inner" / "method.py").write_text("from ..numbers import SCALE")
    numbers = folder / "numbers.py"
    numbers.write_text("SCALE = 1")
    suite.add_solver(
        "mine",
        "from their_package.inner import method; return lambda y, _: method.SCALE * y",
    )
    cell = ["-s", "mine", "-d", "simulated[task=denoise,n_images=1]"]

    def forget():
        for name in [n for n in sys.modules if n.startswith("their_package")]:
            sys.modules.pop(name)

    first = suite.run(*cell).objective_psnr.item()
    numbers.write_text("SCALE = 1 / 4")
    if not loaded:
        forget()
    else:
        sys.modules["their_package.numbers"].SCALE = 1 / 4
        sys.modules["their_package.inner.method"].SCALE = 1 / 4
    second = suite.run(*cell).objective_psnr.item()
    assert second < first - 1
    forget()


@pytest.mark.parametrize(
    "cell",
    [
        ["-s", "tv[weight=-1]", "-d", "simulated[n_images=1]"],
        ["-s", "adjoint", "-d", "simulated[images=nosuch,n_images=1]"],
        ["-s", "adjoint", "-d", "simulated[images=bundled,n_images=7]"],
    ],
)
def test_a_refused_cell_fails_each_time(suite, monkeypatch, capsys, cell):
    monkeypatch.setattr(
        "benchmark_inverse_problems.commands.run.BENCHMARK", suite.folder
    )
    healthy = ["-s", "adjoint", "-d", "simulated[n_images=1]", "--no-plot"]
    for _ in range(2):
        assert main([*cell, *healthy]) == 1
        assert "FAILED" in capsys.readouterr().out


def test_two_files_with_one_name_are_refused(suite, monkeypatch, capsys):
    monkeypatch.setattr(
        "benchmark_inverse_problems.commands.run.BENCHMARK", suite.folder
    )
    folder = suite.folder / "solvers"
    (folder / "copy.py").write_text((folder / "adjoint.py").read_text())
    with pytest.raises(ValueError, match="both have the name 'adjoint'"):
        main(["-s", "adjoint", "-d", "simulated[n_images=1]"])


def test_a_list_of_parameters_belongs_to_one_cell(suite):
    suite.add_solver(
        "growing",
        "scales.append(scales[-1] / 2)\n"
        "        return lambda y, physics: scales[-1] * physics.A_adjoint(y)",
    )
    file = suite.folder / "solvers" / "growing.py"
    text = file.read_text().replace("self, example", "self, example, scales")
    file.write_text(text + '\n    parameters = {"scales": [[1.0]]}\n')
    problems = [
        "simulated[task=denoise,n_images=1]",
        "simulated[task=denoise,n_images=2]",
    ]
    alone = suite.run("-s", "growing", "-d", problems[1])
    asked = [word for problem in problems for word in ("-d", problem)]
    both = suite.run("-s", "growing", *asked, "--no-cache")
    second = both[both.dataset_name == alone.dataset_name[0]]
    assert list(second.objective_psnr) == list(alone.objective_psnr)
    assert set(both.solver_name) == set(alone.solver_name)


def test_the_key_of_a_cell_knows_the_problems_file(suite):
    def state():
        (cls,) = (
            d for d in Benchmark(suite.folder).get_datasets() if d.name == "simulated"
        )
        objective = Benchmark(suite.folder).get_benchmark_objective().get_instance()
        objective._dataset = cls.get_instance(task="denoise")
        return objective._get_state()["data"]["own"]

    first = state()
    assert state() == first
    file = suite.folder / "datasets" / "simulated.py"
    file.write_text(file.read_text().replace("sigma=0.1", "sigma=0.2"))
    assert state() != first


def test_a_killed_worker_is_one_sentence(suite, monkeypatch, capsys):
    body = "import os; os.kill(os.getpid(), 9)"
    assert failing(suite, monkeypatch, body, "-j", "2") == 1
    assert "A worker was killed" in capsys.readouterr().out


def test_an_interruption_says_what_is_kept(suite, monkeypatch, capsys):
    assert failing(suite, monkeypatch, "raise KeyboardInterrupt") == 130
    assert "Interrupted. Finished cells are kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    "moved",
    [
        "torch.set_default_dtype(torch.float64)",
        "torch.set_float32_matmul_precision('medium')",
        "torch.set_autocast_enabled('cpu', True)",
        "torch.set_grad_enabled(False)",
        "torch.use_deterministic_algorithms(True)",
    ],
)
def test_a_switch_that_one_plugin_moves_changes_no_other(suite, moved):
    suite.add_solver(
        "double", f"{moved}\n        return lambda y, physics: physics.A_adjoint(y)"
    )
    # Half precision, a missing gradient and another default type would change it.
    suite.add_solver(
        "noisy",
        "z = torch.ones(8, requires_grad=True)\n"
        "        (2 * z).sum().backward()\n"
        "        assert not torch.are_deterministic_algorithms_enabled()\n"
        "        return lambda y, physics: (\n"
        "            (y + 0.1 * torch.randn(y.shape)) @ torch.eye(y.shape[-1]) / z.grad[0] * 2\n"
        "        )",
    )
    cell = ["-s", "noisy", "-d", "simulated[task=denoise]"]
    columns = ["objective_psnr", "objective_fingerprint"]
    expected = suite.run(*cell, "--no-cache")[columns]
    try:
        df = suite.run("-s", "double", *cell, "--no-cache")
    finally:
        use_standard()
    assert set(df.objective_fingerprint) == set(expected.objective_fingerprint)
    found = df[df.solver_name == "noisy"].reset_index(drop=True)[columns]
    assert found.equals(expected)
