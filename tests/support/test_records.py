"""JSON files of the suite, whole and damaged."""

import pytest

from benchmark_inverse_problems.networks import weights
from benchmark_inverse_problems.networks.domain import learned_by
from benchmark_inverse_problems.problems import versions
from benchmark_inverse_problems.solving import tuning
from benchmark_inverse_problems.support.records import read_record

from ..tiny import tiny_problem

DAMAGED = [b"", b"{", b"[]", b"3", b"\xff\xfe"]


def test_whole_files_are_read(tmp_path):
    (tmp_path / "a.json").write_text('{"é": 1}', encoding="utf-8")
    assert read_record(tmp_path / "a.json") == {"é": 1}


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_files_are_named_wherever_they_are_read(content, tmp_path, monkeypatch):
    (tmp_path / "tv.json").write_bytes(content)
    (tmp_path / "tv.safetensors").write_bytes(b"")
    monkeypatch.setattr(tuning, "FOLDER", tmp_path)
    readers = (
        lambda: weights.checksum("tv", tmp_path),
        lambda: weights.load_weights(None, "tv", tmp_path),
        lambda: learned_by(["tv"], tmp_path),
        lambda: versions.frozen(tmp_path / "tv.json"),
        lambda: tuning.look_up("tv", tiny_problem("denoise").task, {}),
    )
    for read in readers:
        with pytest.raises(
            ValueError, match=r"tv.json is no JSON of the suite \(.*\): "
        ):
            read()
