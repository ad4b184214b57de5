"""Our metrics beside those of other libraries."""

import re
from dataclasses import replace
from functools import partial

import pytest

from benchmark_inverse_problems.judge.metrics import METRICS
from benchmark_inverse_problems.studies import conformance as study

from ..conftest import ROOT

GROUPS = {"pictures": replace(study.PICTURES, crop=96), "phantoms": study.PHANTOMS}


@pytest.mark.parametrize("name", GROUPS)
def test_figures_agree_where_they_should_and_only_there(name):
    group = GROUPS[name]
    found = study.cases(group, count=2)
    for metric, figures in group.figures.items():
        table = study.compared(metric, figures, found)
        assert table.notna().all(axis=None) and table["apart"]["ours"] == 0
        assert study.disagreements(metric, figures, table) == []
        others = [replace(f, agrees=True) for f in figures if not f.agrees]
        # A convention that changes nothing explains nothing.
        wrong = study.disagreements(metric, others, table)
        assert wrong == [figure.name for figure in others]


def test_the_page_has_every_figure_with_the_digits_of_its_metric():
    page = (ROOT / "docs" / "conformance.md").read_text()
    tables = re.findall(r"(?:^\|.*\n)+", page, re.M)
    groups = [
        item for g in (study.PICTURES, study.PHANTOMS) for item in g.figures.items()
    ]
    for table, (metric, figures) in zip(tables, groups, strict=True):
        header, _, ours, *rows = (line.split(" | ") for line in table.splitlines())
        assert header[0] == f"| {METRICS[metric].header}"
        assert [row[0] for row in rows] == [f"| {figure.name}" for figure in figures]
        for figure, row in zip(figures, rows, strict=True):
            if figure.agrees:
                assert row[1:] == ours[1:]
            assert len(row[1].partition(".")[2]) == METRICS[metric].digits


def test_a_figure_that_differs_is_named(monkeypatch, capsys):
    wrong = study.Figure("somebody else's", lambda case: case.psnr() + 0.1, True)
    small = replace(study.PHANTOMS, crop=32, figures={"psnr": [wrong]})
    monkeypatch.setattr(study, "PICTURES", small)
    monkeypatch.setattr(study, "PHANTOMS", replace(small, figures={}))
    monkeypatch.setattr(study, "cases", partial(study.cases, count=1))
    study.main([])
    printed = capsys.readouterr().out
    assert "0 of 1 figures that should agree do." in printed
    assert printed.splitlines()[-1] == "DIFFERS: somebody else's"
