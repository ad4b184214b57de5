"""The results of a run as a text."""

import pandas as pd

from benchmark_inverse_problems.report.terminal import LINES, SOLVERS, summary

from .test_plots import cell

COLOUR, GRAY = "colour[images=bundled]", "gray[images=bundled]"


def failure(dataset, solver, error):
    return {"dataset": dataset, "solver": solver, "error": error, "time": 0.0}


def table(*cells):
    return pd.DataFrame([row for rows in cells for row in rows])


def test_a_block_has_solvers_by_psnr_with_marks_and_failures():
    df = table(
        cell(COLOUR, "adjoint", [8, 10, 9], [0.1, 0.3, 0.2]),
        cell(COLOUR, "ram", [27, 29.2, 28], [1, 1, 1], objective_outside="sigma 0.5"),
        cell(COLOUR, "dip", [2, 3, 4], [1, 1, 1], stop_val=1),
        cell(COLOUR, "dip", [27.1, 29.1, 28.1], [2, 2, 2], stop_val=5),
        cell(GRAY, "adjoint", [float("nan")], [0.1]),
    )
    failures = [failure(COLOUR, name, "ValueError: no.") for name in ("bad", "worse")]
    text = summary(df, [*failures, failure("new", "bad", "it broke.")])
    assert text.splitlines() == [
        "colour[images=bundled] (3 images)",
        "            PSNR     SSIM   Runtime [s]  Memory [MB]",
        "  dip      28.10*  0.2810*        2.000          200",
        "  ram †    28.07*  0.2807*        1.000          100",
        "  adjoint   9.00   0.0900         0.200           20",
        "  † outside of its training: ram (sigma 0.5)",
        "  FAILED bad, worse: ValueError: no.",
        "",
        "gray[images=bundled] (1 image)",
        "           PSNR  SSIM  Runtime [s]  Memory [MB]",
        "  adjoint   n/a   n/a        0.100           10",
        "",
        "new",
        "  FAILED bad: it broke.",
        "",
        "* best, or not distinguishable from it (95 %); means over the images; runtimes "
        "with 2 threads.",
    ]


def test_long_texts_show_the_best_of_each_problem_and_every_failure():
    names = [f"solver_{i}" for i in range(SOLVERS + 3)]
    few = [cell("p", name, [20 + i], [1]) for i, name in enumerate(names)]
    assert "more" not in summary(table(*few)), "one problem has room"
    problems = [f"problem_{i}" for i in range(6)]
    many = [
        cell(problem, name, [20 + i], [1])
        for problem in problems
        for i, name in enumerate(names)
    ]
    failures = [failure(problem, "bad", "no.") for problem in problems]
    whole = len(problems) * (len(names) + 3)
    lines = summary(table(*many), failures).splitlines()
    assert whole > LINES and lines.count("  ... 3 more") == len(problems)
    assert lines.count("  FAILED bad: no.") == len(problems)
    solvers = [line.split()[0] for line in lines if line.startswith("  solver_")]
    assert solvers == names[: -SOLVERS - 1 : -1] * len(problems)


def test_without_results_there_are_only_failures():
    assert summary(pd.DataFrame()) == ""
    text = summary(pd.DataFrame(), [failure(COLOUR, "bad", "no.")])
    assert text.splitlines() == [COLOUR, "  FAILED bad: no."]
