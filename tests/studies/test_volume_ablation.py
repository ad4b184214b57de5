"""The ablation of unrolled networks of volumes: whose figures stand where."""

import math

import pandas as pd
import yaml

from benchmark_inverse_problems.studies import volume_ablation as study


def test_the_config_has_all_cases():
    solvers = " ".join(yaml.safe_load(study.CONFIG.read_text())["solver"])
    for how, normal in study.CASES.values():
        assert f"training={how},inference={how}" in solvers and normal in solvers


def test_scores_and_costs_stand_beside_the_published_ones():
    rows = [
        {
            "p_solver_inference": how,
            "p_solver_normal": normal,
            "objective_psnr": 10 * place + image,
        }
        for place, (how, normal) in enumerate(study.CASES.values())
        for image in (1, 3)
    ]
    psnr = study.scores(pd.DataFrame(rows))
    assert list(psnr.values()) == [2, 12, 22, 32]
    table = study.table(psnr, {"patches": (35.0, 0.2)})
    row = table.loc["patches"]
    assert list(row) == [22, 35.0, 0.2, 35.85, 37.02, 1.10]
    assert list(table.index) == list(study.CASES)
    assert math.isnan(table.loc["whole volumes", "s/step"])


def test_all_training_steps_run(monkeypatch):
    monkeypatch.setattr(study, "PATCH", 8)
    found = study.costs(16)
    assert found.keys() == study.CASES.keys()
    assert all(peak >= 0 and seconds > 0 for peak, seconds in found.values())
