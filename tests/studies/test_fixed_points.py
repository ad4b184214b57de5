"""The study of iterated restorers, small."""

import pytest

from benchmark_inverse_problems.studies import fixed_points as study

DRIFT, REST = [0.0, 0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2, 0.21, 0.2]


def test_the_slides_finding_is_recognised():
    rows = {"a": {"R alone": DRIFT, "R after D": REST}, "b": {"R after D": REST}}
    assert (
        "slides appears: R alone drifts with all 1, R after D settles with all 2"
        in (study.judge(rows))
    )


def test_what_is_found_in_part_is_said_to_be():
    rows = {
        "a": {"R alone": DRIFT, "R after D": REST},
        "b": {"R alone": REST, "R after D": DRIFT},
    }
    verdict = study.judge(rows)
    assert "appears in part: R alone drifts with 1 of 2 (a)" in verdict
    assert (
        "settles with 1 of 2 (a)" in verdict and "R after D with 1 of 2 (a)" in verdict
    )


def test_the_opposite_is_said_plainly():
    verdict = study.judge({"a": {"R alone": REST, "R after D": DRIFT}})
    assert "does not appear: R alone drifts with none of 1" in verdict


def test_the_page_has_every_restorer(tmp_path, capsys):
    arguments = ["--folder", str(tmp_path / "study"), "--iterations", "3"]
    study.main([*arguments, "--crop", "40"])
    page = (tmp_path / "study" / "fixed_points.html").read_text()
    text = capsys.readouterr().out
    for name in study.RESTORERS:
        assert f"<h3>{name}, R after D</h3>" in page and f"{name}, R after D" in text
    assert "<h3>sr2, R alone</h3>" not in page and "sr2, R alone" not in text
    trajectories = 2 * len(study.RESTORERS) - 1
    assert (
        page.count('<img src="data:image/png') == 3 * trajectories
    )  # after 0, 1 and 3
    assert "http-equiv" not in page and "<title>Fixed points" in page
    first = next(
        line for line in text.splitlines() if line.startswith("denoiser, R al")
    )
    assert 0 < float(first.split()[-1]) < 0.2


def test_unknown_pictures_are_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        study.main(["--folder", str(tmp_path), "--image", "other"])
    assert "--image is one of astronaut" in capsys.readouterr().err
