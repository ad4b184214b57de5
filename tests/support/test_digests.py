"""Digests are those of the contents, and files are read once."""

import hashlib
import os
from pathlib import Path

from benchmark_inverse_problems.support.digests import Digests, joined


def test_a_file_is_read_when_it_has_changed(tmp_path, monkeypatch):
    file, digests = tmp_path / "a", Digests(tmp_path / "kept" / "digests.json")
    file.write_bytes(b"one")
    expected = hashlib.sha256(b"one").hexdigest()
    assert digests.of([file]) == {file: expected}
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", None)
        assert digests.of([file]) == {file: expected}
    file.write_bytes(b"other")
    assert digests.of([file])[file] == hashlib.sha256(b"other").hexdigest()


def test_a_file_with_its_old_size_and_time_is_read_again(tmp_path):
    file, digests = tmp_path / "a", Digests(tmp_path / "digests.json")
    file.write_bytes(b"one")
    digests.of([file])
    old = file.stat()
    file.write_bytes(b"two")
    os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert digests.of([file])[file] == hashlib.sha256(b"two").hexdigest()


def test_missing_files_and_damaged_records(tmp_path):
    record = tmp_path / "digests.json"
    digests = Digests(record)
    assert digests.of([tmp_path / "nothing"]) == {tmp_path / "nothing": ""}
    (tmp_path / "a").write_bytes(b"one")
    for damage in ("", "[1, 2]", "{", "3"):
        record.write_text(damage)
        assert len(digests.of([tmp_path / "a"])[tmp_path / "a"]) == 64


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "a").write_bytes(b"one")
    digests = Digests(tmp_path / "file" / "digests.json")
    assert len(digests.of([tmp_path / "a"])[tmp_path / "a"]) == 64


def test_a_joined_digest_sees_names_and_order():
    one, other = ("a", "1"), ("b", "2")
    assert len({joined([one, other]), joined([other, one]), joined([("c", "1")])}) == 3
