"""Dictionaries learned from incomplete measurements, at a small size."""

import math

import pytest
import torch

from benchmark_inverse_problems.methods.dictionary import (
    learn_dictionary,
    sparse_codes,
    unit,
)
from benchmark_inverse_problems.studies import dictionaries as study


@pytest.fixture
def small(monkeypatch):
    for name, value in {
        "SIZE": 20,
        "OPERATORS": 50,
        "SIGNALS": 2000,
        "DENSITY": 0.1,
        "STEPS": 150,
        "CODES": 100,
    }.items():
        monkeypatch.setattr(study, name, value)


def test_codes_satisfy_the_optimality_conditions():
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(2, 15, 20, generator=generator, dtype=torch.float64)
    y = torch.randn(2, 15, 3, generator=generator, dtype=torch.float64)
    start = torch.zeros(2, 20, 3, dtype=torch.float64)
    z = sparse_codes(matrices, y, 0.5, start, 5000)
    slope = matrices.mT @ (y - matrices @ z)
    assert slope.abs().max() < 0.5 + 1e-6
    torch.testing.assert_close(slope[z != 0], 0.5 * z[z != 0].sign())


def test_many_operators_recover_what_one_cannot(small):
    one, many = study.point(0, 14, 1), study.point(0, 14, 50)
    assert one["kernel"] > 0.95 > many["kernel"]
    assert one["correlation"] < (14 / 20) ** 0.5 + 0.05 < many["correlation"]
    assert many["recovered"] > one["recovered"]


def test_one_operator_that_misses_nothing_is_enough(small, monkeypatch):
    monkeypatch.setattr(study, "STEPS", 400)
    found = study.point(0, 20, 1)
    assert found["recovered"] > 0.9
    assert math.isnan(found["kernel"])


def test_columns_have_length_one():
    y = torch.ones(1, 3, 4)
    start = torch.arange(1.0, 13).reshape(3, 4)
    learned = learn_dictionary(torch.eye(3)[None], y, start, 0.1, 3)
    torch.testing.assert_close(learned, unit(learned))


def test_the_study_prints_a_table_and_goes_on(small, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(study, "STEPS", 3)
    options = ["--folder", str(tmp_path), "--seeds", "2", "--rows", "10", "20"]
    study.main([*options, "--operators", "10"])
    printed = capsys.readouterr().out
    assert "| m = 10" in printed and "| invertible Gaussian A" in printed
    assert (tmp_path / "dictionaries.html").stat().st_size > 10000
    monkeypatch.setattr(study, "learn_dictionary", None)  # everything is on disk
    study.main([*options, "--operators", "10"])
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    "option", [["--rows", "1"], ["--rows", "21"], ["--seeds", "0"]]
)
def test_bad_options_are_one_sentence(small, option, tmp_path, capsys):
    with pytest.raises(SystemExit):
        study.main(["--folder", str(tmp_path), *option])
    assert f"{option[0]} {option[1]} is not possible" in capsys.readouterr().err
