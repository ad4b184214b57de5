"""Studies of bundled networks: which cells they run and what their tables say."""

import pandas as pd
import yaml

from benchmark_inverse_problems import suite
from benchmark_inverse_problems.methods.restoration_models import BUNDLED
from benchmark_inverse_problems.report.comparison import image_scores
from benchmark_inverse_problems.studies import (
    ensembles,
    precision,
    priors,
    recurrence,
)

from ..test_plugins import FIXED, SOLVERS


def names(config):
    return {name.split("[")[0] for name in yaml.safe_load(config.read_text())["solver"]}


def test_precision_is_studied_for_every_network():
    assert names(precision.CONFIG) == set(FIXED)


def test_differences_of_precision():
    rows = [
        {
            "dataset_name": problem,
            "solver_name": f"{solver}[precision={kind}]",
            "p_solver_precision": kind,
            "objective_psnr": 30 + image + (change if kind == "bfloat16" else 0),
        }
        for problem, solver, change in [
            ("deblur", "ram", 0.25),
            ("deblur", "rim", -0.5),
            ("ct", "ram", 0.0),
        ]
        for kind in ("float32", "bfloat16")
        for image in (0, 1)
    ]
    table = precision.differences(pd.DataFrame(rows))
    assert table.loc["deblur"].to_dict() == {"ram": 0.25, "rim": -0.5}
    assert table.loc["ct", "ram"] == 0
    # A solver that skips a problem has no difference, and does not count as close.
    assert precision.verdict(table) == (
        "1 of 3 change by at most 0.02 dB; the most is 0.500 dB (rim on deblur)."
    )


def test_curves_of_the_recurrence():
    curve = {0: 10.0, 5: 20.0, 10: 19.0, 30: 15.0}
    rows = [
        {
            "dataset_name": f"patches[crop=32,ensemble={ensemble},ratio=0.2]",
            "solver_name": f"rim[iterations=30,variant={variant}]",
            "p_dataset_ensemble": ensemble,
            "p_dataset_ratio": 0.2,
            "p_solver_variant": variant,
            "objective_iterations": step,
            "objective_psnr": psnr + image + (variant == "rim"),
        }
        for ensemble in ("gaussian", "binary")
        for variant in ("rim", "gdn")
        for step, psnr in curve.items()
        for image in (-1, 1)
    ]
    rows.append(rows[0] | {"solver_name": "adjoint", "p_solver_variant": None})
    table = recurrence.curves(pd.DataFrame(rows))
    assert table.loc[("binary, p = 0.2", "gdn")].to_dict() == curve
    mean = table.groupby("variant", sort=False).mean()
    first, second = recurrence.verdict(mean)
    assert second == (
        "gdn: 19.00 dB after the 10 trained steps, at best 20.00 dB after 5, "
        "15.00 dB after 30."
    )
    assert first.startswith("rim: 20.00 dB")


def test_the_recurrence_is_studied_beyond_its_training():
    config = yaml.safe_load(recurrence.CONFIG.read_text())
    assert "rim[variant=[rim,gdn,ffn]]" in config["solver"]
    assert config["dataset"] == ["bsds_random_projections[images=bundled]"]


PRIORS = [f"{priors.FIRE}{name}" for name in (*priors.ALONE, *priors.COMPARED)]


def test_every_restorer_of_fire_is_studied(benchmark_objects):
    config = yaml.safe_load(priors.CONFIG.read_text())
    found = suite.solvers(benchmark_objects, config["solver"])
    used = [s.prior for s in found if s.name == "fire_hqs"]
    assert sorted(f"{priors.FIRE}{prior}" for prior in used) == sorted(PRIORS)
    assert {*priors.ALONE, "measurements"} == set(BUNDLED)
    assert all("images=bundled" in problem for problem in config["dataset"])


def test_tables_of_priors(capsys, monkeypatch):
    psnr = dict(zip(["dpir", *PRIORS], range(30, 41), strict=True))
    rows = [
        {
            "dataset_name": f"{problem}[images=set5,n_images=2]",
            "p_solver_prior": (
                name.removeprefix(priors.FIRE) if name in PRIORS else None
            ),
            "p_solver_variant": None,
            "solver_name": (
                f"fire_hqs[gamma=1.0,prior={name.removeprefix(priors.FIRE)},shift=0.0]"
                if name in PRIORS
                else f"{name}[weights=bundled]"
            ),
            "objective_psnr": value + image,
            "objective_psnr_range": value + image + 1,
            "objective_psnr_null": value + image - 2,
            "objective_image": image,
            "stop_val": step,
            "idx_rep": 0,
        }
        for problem in ("inpaint", "deblur")
        for name, final in psnr.items()
        for image in (-1, 1)
        for step, value in ((0, 0.0), (20, final + (problem == "deblur")))
    ]
    asked = []

    def results_of(problems, solvers):
        asked.extend(problems)
        return pd.DataFrame(rows)

    monkeypatch.setattr(priors, "results_of", results_of)
    priors.main(["--images", "set5"])
    assert asked and all("images=set5" in problem for problem in asked)
    whole, seen, unseen, gains = capsys.readouterr().out.strip().split("\n\n")
    assert "| dpir | 30.00 | 31.00 |" in whole
    assert "| dpir | 31.00 | 32.00 |" in seen
    assert "| dpir | 28.00 | 29.00 |" in unseen
    assert "| fire_hqs, tuned | 37.00 | 38.00 |" in whole
    # The best single prior is the last of the six, 36 dB.
    assert "| tuned, above the best alone | 1.00 | 1.00 |" in gains
    assert "| measurements, above dpir | 9.00 | 9.00 |" in gains


def test_ensembles_are_compared_on_the_same_images():
    rows = [("sr", "fire_hqs[prior=a]", image, 30.0 + image) for image in range(3)] + [
        ("sr", "fire_hqs[prior=b]", image, 30.5 + image) for image in range(3)
    ]
    columns = ["dataset_name", "solver_name", "objective_image", "objective_psnr"]
    scores = image_scores(pd.DataFrame(rows, columns=columns), "psnr")
    means, differences = ensembles.compared(scores, "fire_hqs[prior=a]")
    assert means["sr"].tolist() == [31.0, 31.5]
    assert differences["sr"].to_dict() == {"fire_hqs[prior=b]": "+0.50 [+0.50, +0.50]"}


def test_ensembles_are_compared_on_the_development_set():
    for config in ensembles.CONFIGS.values():
        problems, solvers = suite.configured(config)
        assert all("images=development," in problem for problem in problems)
    problems, solvers = suite.configured(ensembles.CONFIGS["ensembles"])
    tried = SOLVERS["fire_hqs"].parameters["prior"].candidates
    assert all(prior in " ".join(solvers) for prior in tried)
