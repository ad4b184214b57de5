"""Solvers that are watched while they run: curves, endings, costs, bad iterators."""

import numpy as np
import pytest
import torch

from benchmark_inverse_problems.solving.failures import read_failures
from benchmark_inverse_problems.solving.iterative import following

from ..tiny import tiny_problem


def add(suite, name, body):
    suite.add_solver(name, body, base="IterativeSolver")


def simple(iterations, estimate="x + (y - x) / 2"):
    """The body of a `build` whose default halves the distance to y each time."""
    return f"""def iterate(y, physics):
            x = torch.zeros_like(y)
            yield x
            for _ in range({iterations}):
                x = {estimate}
                yield x
        return iterate"""


def test_points_of_a_curve():
    points = [0]
    while points[-1] < 1000:
        points.append(following(points[-1]))
    assert points[:9] == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert len(points) < 35
    assert all(b > a for a, b in zip(points, points[1:], strict=False))


def test_curve_of_an_iterative_solver(suite):
    add(suite, "halving", simple(30))
    df = suite.run("-s", "halving", "-d", "simulated")
    points = sorted(df.stop_val.unique())
    assert points[:3] == [0, 1, 2] and points[-1] == 30
    assert (df.objective_iterations == df.stop_val).all()
    for _, image in df.groupby("objective_image"):
        image = image.sort_values("stop_val")
        expected = 0.5**image.stop_val
        assert np.allclose(image.objective_residual, expected, atol=1e-4)
        assert image.objective_runtime.is_monotonic_increasing
        # Range and null space are judged at the end only; the rest everywhere.
        known = image.objective_psnr_range.notna()
        assert list(known) == [False] * (len(points) - 1) + [True]
        assert image.objective_ssim.notna().all()
        assert image.objective_peak_memory.nunique() == 1


def test_images_that_ended_keep_their_estimate(suite):
    means = [float(tiny_problem("denoise").observe(i).y.mean()) for i in range(2)]
    add(suite, "halving", simple(f"(3 if y.mean() < {sum(means) / 2} else 12)"))
    df = suite.run("-s", "halving", "-d", "simulated")
    last = df[df.stop_val == df.stop_val.max()]
    assert sorted(last.objective_iterations) == [3, 12]
    (name,) = last.objective_image[last.objective_iterations == 3]
    short = df[df.objective_image == name]
    ended = short[short.stop_val >= 3]
    assert len(ended) > 1
    assert ended.objective_psnr.nunique() == 1
    assert ended.objective_runtime.nunique() == 1


def test_no_clock_and_no_limit_of_benchopt_ends_it(suite):
    pause = "(__import__('time').sleep(0.03) or x + (y - x) / 2)"
    add(suite, "halving", simple(40, pause))
    df = suite.run(
        "-s", "halving", "-d", "simulated", "--timeout", "1", "--max-runs", "2"
    )
    assert df.stop_val.max() == 40


def test_an_estimate_that_gets_worse_does_not_end_it(suite):
    add(suite, "worse", simple(25, "x - 3 + y * 0"))
    df = suite.run("-s", "worse", "-d", "simulated")
    assert df.stop_val.max() == 25
    assert df.objective_psnr.min() < -30


def test_flops_are_those_of_the_iterations_done(suite):
    body = simple(10, "torch.nn.functional.conv2d(x, torch.eye(3)[..., None, None])")
    add(suite, "convolution", body)
    df = suite.run("-s", "convolution", "-d", "simulated[n_images=1]")
    pixels = 32 * 32
    expected = df.stop_val * 2 * 9 * pixels / 1e9
    assert np.allclose(df.objective_gflops, expected)


def test_overwritten_estimates_are_kept_apart(suite):
    add(suite, "inplace", simple(6, "x.mul_(0).add_(y).sub_(1)"))
    df = suite.run("-s", "inplace", "-d", "simulated[n_images=1]")
    assert df.objective_psnr.iloc[0] != df.objective_psnr.iloc[-1]


def test_cached_cell_is_not_computed_again(suite):
    log = suite.folder / "calls.txt"
    body = f"open({str(log)!r}, 'a').write('x')\n        " + simple(5)
    add(suite, "halving", body)
    one = suite.run("-s", "halving", "-d", "simulated")
    two = suite.run("-s", "halving", "-d", "simulated")
    assert log.read_text() == "x"
    assert one.objective_psnr.equals(two.objective_psnr)


BAD = {
    "nothing": ("return lambda y, physics: iter(())", "yielded no estimate"),
    "nan": (simple(4, "x / 0 * 0"), "NaN or infinite"),
    "shape": ("return lambda y, physics: iter([y[..., 1:]])", "of the image's size"),
    "raises": (simple(4, "[][0]"), "list index out of range"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_iterator_fails_alone_in_one_sentence(suite, kind):
    body, words = BAD[kind]
    add(suite, "bad", body)
    df = suite.run("-s", "bad", "-s", "adjoint", "-d", "simulated")
    assert set(df.solver_name) == {"adjoint"}
    (failure,) = read_failures(suite.folder / "outputs")
    assert words in failure["error"]


def test_tuning_sees_the_last_estimate(suite):
    path = suite.folder / "solvers" / "steps.py"
    path.write_text(
        "import torch\n"
        "from benchmark_inverse_problems import Choice, IterativeSolver\n\n\n"
        "class Solver(IterativeSolver):\n"
        "    name = 'steps'\n"
        "    tried = Choice(['tuned'], 'Steps.', tried=[1, 8])\n"
        "    parameters = {'iterations': tried}\n\n"
        "    def build(self, example, iterations):\n"
        "        def iterate(y, physics):\n"
        "            x = torch.zeros_like(y)\n"
        "            yield x\n"
        "            for _ in range(iterations):\n"
        "                x = x + (y - x) / 2\n"
        "                yield x\n"
        "        return iterate\n"
    )
    df = suite.run("-s", "steps", "-d", "simulated")
    assert set(df.objective_tuned) == {"iterations=8"}
    assert set(df.objective_trials) == {2}
    assert df.stop_val.max() == 8


def test_gradients_are_off_unless_the_method_asks(suite):
    body = """def iterate(y, physics):
            assert not torch.is_grad_enabled()
            yield y
            with torch.enable_grad():
                x = y.clone().requires_grad_()
                x.square().sum().backward()
            yield y - x.grad / 2 + y
            assert not torch.is_grad_enabled()
        return iterate"""
    add(suite, "gradient", body)
    df = suite.run("-s", "gradient", "-d", "simulated[n_images=1]")
    assert np.allclose(df.objective_psnr, df.objective_psnr.iloc[0], atol=1e-3)
    assert torch.is_grad_enabled()
