"""The study of images a second: its rows and its differences."""

from functools import partial

import pytest

from benchmark_inverse_problems.networks import compiled
from benchmark_inverse_problems.solving import settings
from benchmark_inverse_problems.studies import throughput


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(throughput, "SECONDS", 0)
    monkeypatch.setattr(settings, "can_compile", lambda device: True)
    monkeypatch.setattr(
        "benchmark_inverse_problems.solving.solver.compile_parts",
        partial(compiled.compile_parts, backend="eager"),
    )
    monkeypatch.setattr(compiled, "KEPT", type(compiled.KEPT)())


def test_the_table_has_a_row_of_each_kind(capsys, monkeypatch):
    monkeypatch.setenv("INVERSE_PROBLEMS_DEVICE", "cpu")
    throughput.main(["--methods", "unrolled", "--sizes", "32"])
    lines = capsys.readouterr().out.splitlines()
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in lines]
    table = [row for row in cells if row and row[0] == "unrolled"]
    assert [row[1:4] for row in table] == [
        ["32", precision, networks]
        for precision in settings.PRECISIONS
        for networks in ("uncompiled", "compiled")
    ]
    assert all(float(row[4]) > 0 for row in table) and table[0][5] == "1.00"
    differences = [row[6] for row in table]
    assert differences[0] == "" and float(differences[1]) < 1e-5
    assert 1e-5 < float(differences[2]) < 0.1  # bfloat16 from float32
    assert float(differences[3]) < 1e-5
    assert [row[7] == "" for row in table] == [True, False] * 2


def test_a_problem_that_a_method_skips_is_one_sentence():
    with pytest.raises(ValueError, match="skips .* with crop=32: take others"):
        throughput.made("dpir", "volume_mri[size=16,n_images=1]", 32, "off")
