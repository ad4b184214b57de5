"""The figures of the docs have the numbers of the tables below them."""

import re

import numpy as np
import pytest
import yaml

from benchmark_inverse_problems.report.figures import (
    Drawing,
    draw,
    read_table,
    write_figures,
)

from ..conftest import ROOT

PAGE = """
![Scores](figures/scores.svg)

Some text, and a | b.

| method | PSNR | of `a` | PSNR | note |
|---|--:|--:|--:|---|
| x[a=1,b=2] | 20.5 | 1 | 3e2 | slow |
| x[a=1,b=3] | 21.5 |  | -2 | a\\|b |

| other |
|---|
| 1 |
"""


def drawn(target, **settings):
    return draw(read_table(PAGE), Drawing(**settings), target)


def test_the_first_table_is_read():
    table = read_table(PAGE)
    assert list(table) == ["method", "PSNR", "of a", "PSNR (1)", "note"]
    assert table["note"].tolist() == ["slow", "a|b"]
    assert len(table) == 2
    with pytest.raises(ValueError, match="no table"):
        read_table("a | b\n")


def test_dots_are_the_cells(tmp_path):
    panels = {"PSNR [dB]": ["PSNR", "PSNR (1)"], "a": ["of a"]}
    first, second = drawn(tmp_path / "a.svg", panels=panels).axes
    data = [line.get_xdata() for line in (*first.lines, *second.lines)]
    np.testing.assert_equal(data, [[20.5, 21.5], [300, -2], [1, np.nan]])
    names = [label.get_text() for label in first.get_yticklabels()]
    assert names == ["x[b=2]", "x[b=3]"]  # as the dashboard shortens them
    assert first.get_xlabel() == "PSNR [dB]" and second.get_xlabel() == "a"


def test_lines_run_along_the_numbers_of_the_names(tmp_path):
    page = "| m | a | b |\n|---|---|---|\n| m = 10 | 1 |  |\n| m = 20 | 2 | 3 |\n| all | 9 | 9 |"
    settings = {"panels": {"y": "all"}, "draw": "lines", "along": "m"}
    (axis,) = draw(read_table(page), Drawing(**settings), tmp_path / "a.svg").axes
    points = [line.get_xydata().tolist() for line in axis.lines]
    assert points == [[[10, 1], [20, 2]], [[20, 3]]]
    assert axis.get_xlabel() == "m"
    page = "| m | 10 | 20 |\n|---|---|---|\n| a | 1 | 2 |"
    settings |= {"transpose": True, "log": True}
    (axis,) = draw(read_table(page), Drawing(**settings), tmp_path / "a.svg").axes
    assert axis.lines[0].get_xydata().tolist() == [[10, 1], [20, 2]]
    assert axis.get_yscale() == "log"


def test_the_same_table_gives_the_same_small_file(tmp_path):
    files = [tmp_path / name for name in ("a.svg", "b.svg")]
    for file in files:
        drawn(file, panels={"PSNR": ["PSNR"]})
    first, second = (file.read_bytes() for file in files)
    assert first == second and len(first) < 100_000
    assert b"x[b=2]" in first


@pytest.mark.parametrize(
    ("page", "entries", "message"),
    [
        (PAGE, {}, "scores of a.md has no entry in figures.yml"),
        (PAGE, {"scores": {"panels": {"a": ["none"]}}}, "scores of a.md does not fit"),
        (PAGE, {"scores": {"panels": {"a": ["note"]}}}, "could not convert"),
        (PAGE, {"scores": {"panels": {}, "colour": 1}}, "colour"),
        (PAGE, {"scores": {"panels": {}, "draw": "pie"}}, "draw=pie is not known"),
        (PAGE * 2, {"scores": {"panels": {"a": ["PSNR"]}}}, "in a.md and a.md"),
        ("", {"scores": {}}, "scores of figures.yml is on no page"),
        ("![x](figures/scores.svg)", {"scores": {"panels": {}}}, "There is no table"),
    ],
)
def test_what_does_not_fit_is_refused(page, entries, message, tmp_path):
    (tmp_path / "a.md").write_text(page)
    (tmp_path / "figures.yml").write_text(yaml.safe_dump(entries))
    with pytest.raises(ValueError, match=message):
        write_figures(tmp_path)


def test_every_study_has_an_answer_and_a_figure():
    text = (ROOT / "docs" / "studies.md").read_text()
    _, *parts = re.split(r"^## .*\?\n", text, flags=re.MULTILINE)
    assert len(parts) >= 14
    for part in parts:
        assert re.match(r"\n\*\*[^*]+\.\*\*\n", part), part[:80]
        assert "](figures/" in part, part[:80]
