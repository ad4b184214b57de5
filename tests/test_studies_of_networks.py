"""Studies of bundled networks: which cells they run and what their tables say."""

import pandas as pd
import yaml

from benchmark_inverse_problems.studies import precision, recurrence

from .test_plugins import FIXED


def names(config):
    return {name.split("[")[0] for name in yaml.safe_load(config.read_text())["solver"]}


def test_precision_is_studied_for_every_network():
    assert names(precision.CONFIG) == set(FIXED)


def test_differences_of_precision():
    rows = [
        {
            "dataset_name": problem,
            "solver_name": f"{solver}[precision={kind}]",
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
            "objective_iterations": step,
            "objective_psnr": psnr + image + (variant == "rim"),
        }
        for ensemble in ("gaussian", "binary")
        for variant in ("rim", "gdn")
        for step, psnr in curve.items()
        for image in (-1, 1)
    ]
    rows.append(rows[0] | {"solver_name": "adjoint"})
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
