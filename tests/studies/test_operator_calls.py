"""Calls of the operator are counted, and the tables hold every network."""

from benchmark_inverse_problems.networks.ram import load_ram
from benchmark_inverse_problems.studies import operator_calls

from ..tiny import tiny_problem


def back_and_again(y, physics):
    """A method with two calls of A^T and one of A."""
    return physics.A_adjoint(physics.A(physics.A_adjoint(y)))


def test_calls_are_those_of_a_and_its_adjoint():
    found = operator_calls.calls(back_and_again, tiny_problem("ct").observe(0))
    assert found == {"calls of A": 1, "calls of A^T": 2}


def test_one_scale_calls_the_operator_less():
    full, one = (
        operator_calls.calls(network().eval(), tiny_problem("ct").observe(0))
        for network in (
            operator_calls.NETWORKS["four scales"],
            operator_calls.NETWORKS["one scale"],
        )
    )
    assert 0 < one["calls of A"] < full["calls of A"]


def test_the_table_has_calls_seconds_and_scores(monkeypatch, capsys):
    names = {"tomography": "ct", "denoising": "denoise"}
    problems = {title: tiny_problem(name) for title, name in names.items()}
    networks = {"RAM": lambda: load_ram("bundled", "full", "ram")}
    monkeypatch.setattr(operator_calls, "problems", lambda: problems)
    monkeypatch.setattr(operator_calls, "NETWORKS", networks)
    monkeypatch.setattr(operator_calls, "REPEATS", 1)
    operator_calls.main([])
    header, _, row = capsys.readouterr().out.strip().splitlines()
    found = dict(
        zip(
            [cell.strip() for cell in header.split("|")][1:-1],
            [cell.strip() for cell in row.split("|")][1:-1],
            strict=True,
        )
    )
    assert found["embeddings"] == "RAM" and found["seconds"] == "1.00"
    assert float(found["calls of A^T"]) > 1
    assert 20 < float(found["denoising"]) < 40
