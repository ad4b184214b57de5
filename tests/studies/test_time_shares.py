"""The shares of time add up and name the right rooms."""

import time

import pytest
import torch

from benchmark_inverse_problems.methods.total_variation import total_variation
from benchmark_inverse_problems.networks.drunet import MultiHeadDRUNet
from benchmark_inverse_problems.studies import time_shares
from benchmark_inverse_problems.studies.time_shares import (
    GRADIENTS,
    NETWORKS,
    OPERATORS,
    REST,
)

from ..tiny import tiny_problem

PROBLEM = "simulated[task=deblur]"


def test_time_belongs_to_the_innermost_room():
    network = MultiHeadDRUNet()
    observation = tiny_problem("deblur").observe(0)
    start = time.perf_counter()
    with time_shares.clocked() as spent:
        network(observation.y, 0.1).square().mean().backward()
        total_variation(observation.y, observation.physics, 0.05)
    total = time.perf_counter() - start
    assert spent.keys() <= {NETWORKS, OPERATORS, GRADIENTS, REST}
    assert min(spent[name] for name in (NETWORKS, OPERATORS, GRADIENTS, REST)) > 0
    assert sum(spent.values()) <= total
    with time_shares.clocked() as spent, torch.no_grad():
        network(observation.y, 0.1)
    assert spent[NETWORKS] > spent[REST]
    assert not spent[OPERATORS] and not spent[GRADIENTS]


def test_the_table_has_a_row_a_pair(capsys, monkeypatch):
    monkeypatch.setattr(time_shares, "SIDE", 32)
    options = ["--solvers", "ram", "fdk", "tv[weight=0.3]", "--problems", PROBLEM]
    time_shares.main(options)
    printed = capsys.readouterr().out
    ram, tv = (
        next(line for line in printed.splitlines() if line.startswith(f"| {name}"))
        for name in ("simulated, ram", "simulated, tv")
    )
    assert ram.count("%") == 5 and tv.count("%") == 4
    # Without a network there are no operations to count; `fdk` skips pictures.
    assert tv.endswith("|  |  |") and "simulated, fdk" not in printed
    for name in time_shares.DENOISERS:
        assert printed.count(f"| {name}, float32 |") == 1
        assert printed.count(f"| {name}, bfloat16 |") == 1


def test_a_gpu_is_refused(capsys, monkeypatch):
    monkeypatch.setattr(time_shares.settings, "device", lambda: torch.device("cuda"))
    with pytest.raises(SystemExit):
        time_shares.main([])
    assert "The shares need a CPU" in capsys.readouterr().err
