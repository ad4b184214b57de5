"""Methods that learn from all measurements first, and those that expect an error."""

import numpy as np
import pytest
import torch

from benchmark_inverse_problems import IterativeSolver, ReconstructionSolver
from benchmark_inverse_problems.judge.reconstruction import check_reconstruction

from ..tiny import tiny_problem

LEARNER = '''import time
import torch
from benchmark_inverse_problems import ReconstructionSolver


class Solver(ReconstructionSolver):
    """A method that learns the mean of the measurements of all images."""

    name = "learner"

    def build(self, example):
        self.shape = example.shape
        return lambda y, physics: torch.full(self.shape, self.mean)

    def fit(self, observations):
        assert len(observations) == 2
        time.sleep(0.05)
        self.mean = float(torch.stack([o.y.mean() for o in observations]).mean())
'''


def test_learning_is_timed_apart(suite):
    (suite.folder / "solvers" / "learner.py").write_text(LEARNER)
    df = suite.run("-s", "learner", "-s", "adjoint", "-d", "simulated")
    learner = df[df["solver_name"] == "learner"]
    assert len(learner) == 2
    assert (learner["objective_fit_time"] >= 0.05).all()
    assert learner["objective_fit_memory"].notna().all()
    assert (learner["objective_runtime"] < 0.05).all()
    adjoint = df[df["solver_name"] == "adjoint"]
    assert adjoint["objective_fit_time"].isna().all()
    problem = tiny_problem("denoise")
    mean = np.mean([float(problem.observe(i).y.mean()) for i in range(2)])
    errors = [(mean - problem.truth(i)).square().mean() for i in range(2)]
    expected = [-10 * float(error.log10()) for error in errors]
    assert learner["objective_psnr"].tolist() == pytest.approx(expected, abs=1e-3)


def solve(cls, problem):
    from benchopt.utils.run_context import RunContext

    solver = cls.get_instance()
    RunContext().set_run_context("objective", "data", solver, repetition=0, base_seed=0)
    solver.set_objective(problem.observations, problem.tuning)
    solver.run(lambda: True)
    return solver.get_result()["reconstructions"]


class Expecting(ReconstructionSolver):
    name = "expecting"

    def build(self, example):
        return lambda y, physics: (y, torch.full_like(y, 0.2))


class ExpectingSteps(IterativeSolver):
    name = "expecting_steps"

    def build(self, example):
        def iterate(y, physics):
            for step in range(3):
                yield y, torch.full_like(y, 0.2 - 0.05 * step)

        return iterate


@pytest.mark.parametrize(("cls", "level"), [(Expecting, 0.2), (ExpectingSteps, 0.1)])
def test_a_spread_reaches_the_judge(cls, level, benchmark_objects):
    problem = tiny_problem("denoise")  # noise of 0.1
    found = solve(cls, problem)
    assert float(found[0].spread.mean()) == pytest.approx(level)
    objective = benchmark_objects.get_benchmark_objective().get_instance()
    objective.set_data(problem)
    rows = objective.evaluate_result(found)
    assert rows[0]["spread_ratio"] == pytest.approx(level / 0.1, rel=0.05)


def test_only_the_gallerys_pixels_go_through_the_cache():
    import pickle

    kept = pickle.loads(pickle.dumps(solve(Expecting, tiny_problem("denoise"))))
    assert kept[0].x_hat is not None and kept[0].spread is not None
    assert kept[1].x_hat is None and kept[1].spread is None


@pytest.mark.parametrize(
    ("spread", "message"),
    [
        (torch.zeros(1, 3, 4, 5), "spread of a reconstruction has the shape"),
        (torch.full((1, 3, 4, 4), -1.0), "spread of a reconstruction has negative"),
        (
            torch.full((1, 3, 4, 4), torch.nan),
            "spread of a reconstruction has 48 values",
        ),
    ],
)
def test_a_wrong_spread_is_refused(spread, message):
    x = torch.zeros(1, 3, 4, 4)
    with pytest.raises(ValueError, match=message):
        check_reconstruction(x, x.shape, spread)


class Volumetric(ReconstructionSolver):
    name = "volumetric"

    def build(self, example):
        body = torch.nn.Conv3d(1, 2, 3, padding=1)
        flat = torch.nn.Conv2d(2, 1, 3)
        self.placed = self.place(torch.nn.ModuleList([body, flat]))
        return lambda y, physics: y


def test_kernels_get_the_layout_of_their_dimension():
    solver = Volumetric.get_instance()
    problem = tiny_problem("denoise")
    solver.set_objective(problem.observations, problem.tuning)
    body, flat = solver.placed
    assert body.weight.is_contiguous(memory_format=torch.channels_last_3d)
    assert flat.weight.is_contiguous(memory_format=torch.channels_last)


class Counting(ReconstructionSolver):
    name = "counting"

    def build(self, example):
        self.count(torch.nn.Linear, 10, 5)
        return lambda y, physics: y


def test_networks_that_are_made_anew_are_counted_without_values():
    assert solve(Counting, tiny_problem("denoise"))[0].parameters == 55
