"""The tables of RAM's ablations: whose figures stand in which column."""

import math
from itertools import product

import pandas as pd
import pytest
import yaml

from benchmark_inverse_problems.studies import ablation

VARIANTS = ("base", "prox", "prox_y", "krylov", "inpainting", "deblurring", "sr")
VARIANTS += ("narrow",)


@pytest.fixture
def results():
    """Results of the config: PSNR is 10 times the variant's index plus the problem's."""
    problems = yaml.safe_load(ablation.CONFIG.read_text())["dataset"]
    rows = [
        {
            "dataset_name": problem,
            "solver_name": f"ram[precision=float32,variant={variant},weights=bundled]",
            "p_solver_variant": variant,
            "objective_psnr": 10 * VARIANTS.index(variant) + column + image,
            "objective_parameters": 1e6 - 1e5 * VARIANTS.index(variant),
        }
        for (column, problem), variant in product(enumerate(problems), VARIANTS)
        for image in (-1, 1)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def scores(results):
    """The scores of the results."""
    return ablation.scores(results)


def test_the_config_has_all_variants():
    (solver,) = yaml.safe_load(ablation.CONFIG.read_text())["solver"]
    assert f"variant=[{','.join(VARIANTS)}]" in solver


def test_parts(scores):
    rows = ablation.parts(scores)
    assert list(rows.index) == [ablation.NAMES[v] for v in VARIANTS[:4]]
    assert list(rows["mean"]) == [2, 12, 22, 32]
    assert list(rows["gain over base"]) == [0, 10, 20, 30]
    assert rows["gain (published)"].iloc[3] == pytest.approx(1.78)


def test_transfer(scores):
    rows = ablation.transfer(scores)
    row = rows.loc["deblurring only"]
    assert list(row[list(ablation.PROBLEMS)]) == [50, 51, 52, 53, 54]
    assert row["inpainting (published)"] == 14.06
    assert rows.loc["all of them", "SR x2 (published)"] == 29.79
    assert math.isnan(rows.loc["super-resolution only", "inpainting (published)"])


def test_sizes_stand_in_their_order(results, scores):
    rows = ablation.sizes(results, scores)
    assert list(rows.index) == ["narrow", "as above"]
    assert list(rows["parameters [M]"]) == pytest.approx([0.3, 0.7])
    assert list(rows["mean"]) == [72, 32]
