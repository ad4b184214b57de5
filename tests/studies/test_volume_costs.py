"""The study of what a training step of volumes costs runs on a small volume."""

from benchmark_inverse_problems.physics.local_normal import NORMALS
from benchmark_inverse_problems.studies import normal_operators, volume_costs


def test_all_steps_run_and_are_named():
    found = {}
    for name, step in volume_costs.cases(32):
        step()
        found[name] = step
    patches = {f"unrolled, patch, {name}" for name in NORMALS}
    whole = {"network, whole volume", "data step, whole volume"}
    assert found.keys() == patches | whole | {"unrolled, whole volume"}


def test_the_table_has_a_row_a_case(capsys, monkeypatch):
    monkeypatch.setattr(volume_costs, "PATCH", 8)
    volume_costs.main(["--sides", "16"])
    printed = capsys.readouterr().out
    assert printed.count("| unrolled, patch, toeplitz |") == 2
    assert "| peak [MB] | 16^3 |" in printed


def test_errors_of_a_normal_operator_are_texts():
    physics, phantoms, _ = normal_operators.parallel()
    found = normal_operators.errors(physics, phantoms, {"samples": 40, "lr": 0.01})
    assert len(found) == 4
    assert float(found[2]) < float(found[0])
