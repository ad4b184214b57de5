"""Result files without what they repeat."""

import base64

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from benchmark_inverse_problems.support import parquet
from benchmark_inverse_problems.support.atomic import NotWritten


@pytest.fixture
def file(tmp_path):
    """A file whose rows share a picture of 300 kB and have another of 60 kB each."""
    rng = np.random.RandomState(0)

    def picture(size):
        return base64.b64encode(rng.bytes(size)).decode()

    shared = picture(300_000)
    texts = [f"{shared} {picture(60_000)}" for _ in range(8)]
    df = pd.DataFrame({"name": list("abcdefgh"), "pictures": texts})
    df.to_parquet(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    metadata = table.schema.metadata | {b"_meta_json": b"{}"}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


def test_what_repeats_is_stored_once(file):
    before, schema = pd.read_parquet(file), pq.read_schema(file)
    parquet.compress(file, "pictures")
    assert 780_000 < file.stat().st_size < 850_000, "bytes of pictures, each once"
    pd.testing.assert_frame_equal(pd.read_parquet(file), before)
    assert pq.read_schema(file).equals(schema, check_metadata=True)


def test_without_room_the_file_stays(file, monkeypatch):
    before = file.read_bytes()

    def full(table, path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet.pq, "write_table", full)
    with pytest.raises(NotWritten, match="No space left"):
        parquet.compress(file, "pictures")
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]
