"""What networks learned is in their JSON, and measurements outside of it are found."""

import json
from dataclasses import replace

import pytest

from benchmark_inverse_problems.commands.train import recipes
from benchmark_inverse_problems.networks.domain import PUBLISHED, learned_by, outside
from benchmark_inverse_problems.networks.ram import PUBLISHED as RAM
from benchmark_inverse_problems.networks.weights import FOLDER
from benchmark_inverse_problems.problems.problem import Problem, Task

from ..test_plugins import SOLVERS
from ..tiny import tiny_problem

RECIPES = recipes()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda p: p.stem)
def test_the_json_says_what_the_recipe_teaches(path):
    learned = json.loads(path.read_text())["learned"]
    assert learned
    assert learned == json.loads(json.dumps(RECIPES[path.stem].learned))


CASES = {
    "denoise": "",
    "poisson": "",
    "deblur": "",
    "sr": "",
    "sr_matlab": "",
    "inpaint": "",
    "ct": "",
    "mri": "",
    "projections": "it learned no random projection",
}


@pytest.mark.parametrize("task", CASES)
def test_tasks_of_the_bundled_ram(task):
    learned = learned_by(["ram"])
    assert outside(learned, tiny_problem(task).observe(0)) == CASES[task]


@pytest.mark.parametrize(
    ("task", "how"),
    [
        (
            Task("denoising", sigma=0.5),
            "it learned noise of 0 to 0.215686, this is 0.5",
        ),
        (Task("denoising", gain=1.0), "it learned gains of 0.005 to 0.1, this is 1"),
        (Task("gaussian_blur", {"std": 1.0}), "it learned noise of 0.001 to 0.1, this"),
        (
            Task("downsampling", {"factor": 3}, sigma=0.01),
            "it learned factors of 2 or 4, this is 3",
        ),
        (
            Task("tomography", {"angles": 20}, sigma=0.2, relative=True),
            "it learned noise of 0.005 to 0.05, this is 0.",
        ),
    ],
)
def test_noise_and_factors_outside(task, how):
    kind = "ct" if task.operator == "tomography" else "denoise"
    observation = Problem(tiny_problem(kind).tuning.images, task, crop=30).observe(0)
    assert outside(learned_by(["ram"]), observation).startswith(how)


def test_kinds_of_images_outside():
    observation = replace(tiny_problem("mri").observe(0), complex=False)
    assert outside(learned_by(["ram"]), observation) == (
        "it learned complex images, these are colour"
    )


def test_what_is_not_known_is_not_outside(tmp_path):
    (tmp_path / "old.json").write_text("{}")
    assert learned_by(["old"], tmp_path) is None
    assert learned_by(["ram", "old"], tmp_path) is None
    observation = tiny_problem("denoise").observe(0)
    assert learned_by([RAM]) == PUBLISHED[RAM]
    assert outside(PUBLISHED[RAM], observation) == ""
    assert outside(PUBLISHED[RAM], tiny_problem("projections").observe(0)) != ""


def test_only_networks_that_reconstruct_are_outside(monkeypatch):
    """A denoiser as a prior is used for its own task, whatever the operator is."""
    problem = tiny_problem("projections")
    found = {}
    for name in ("ram", "artifact_removal", "dpir", "adjoint"):
        solver = SOLVERS[name].get_instance(
            **({"weights": "bundled"} if "weights" in SOLVERS[name].parameters else {})
        )
        solver._run_context = None
        solver.set_objective(problem.observations, problem.tuning)
        solver.get_seed = lambda **_: 0
        solver.run(None)
        found[name] = {item.outside for item in solver.result}
    how = {"it learned no random projection"}
    assert found == {"ram": how, "artifact_removal": how, "dpir": {""}, "adjoint": {""}}
