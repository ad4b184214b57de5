"""Tables of the README: means over the images, problems by solvers."""

import pandas as pd

from benchmark_inverse_problems.tables import markdown, pivot, short


def results():
    rows = [
        ("p[a=1]", "tv[weight=tuned]", "cat", 20.0, 1),
        ("p[a=1]", "tv[weight=tuned]", "dog", 30.0, 1),
        ("p[a=1]", "rim", "cat", 10.0, 1),
        ("p[a=1]", "rim", "cat", 28.0, 2),
        ("q", "tv[weight=tuned]", "cat", 21.0, 1),
    ]
    columns = ["dataset_name", "solver_name", "objective_image"]
    df = pd.DataFrame(rows, columns=[*columns, "objective_psnr", "stop_val"])
    return df.assign(idx_rep=0)


def test_table():
    assert markdown(pivot(results(), "psnr"), 2).splitlines() == [
        "| problem | tv | rim |",
        "|---|--:|--:|",
        "| p[a=1] | 25.00 | 28.00 |",
        "| q | 21.00 |  |",
    ]


def test_short_names_drop_tuned_parameters_only():
    assert short("dpir[lambda_=tuned,last=tuned,weights=bundled]") == (
        "dpir[weights=bundled]"
    )
    assert short("tv[weight=0.1]") == "tv[weight=0.1]"
    assert short("a[weights=bundled,z=tuned]") == "a[weights=bundled]"
