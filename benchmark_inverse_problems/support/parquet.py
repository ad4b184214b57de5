"""Parquet files with long texts that repeat."""

import pyarrow.parquet as pq

from .atomic import replacing

LEVEL = 9  # of Zstandard: a higher one takes seconds and gains little


def compress(file, texts):
    """Write a parquet file again, smaller: each picture that it repeats is there once.

    Zstandard finds what was there before within a page only. So a column of long texts is
    one page.

    Parameters
    ----------
    file : path
    texts : str
        The column of long texts.

    Raises
    ------
    NotWritten
        If there is no room. The file is then as it was.
    """
    table = pq.read_table(file)
    with replacing(file) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=LEVEL,
            use_dictionary=[name for name in table.column_names if name != texts],
            data_page_size=2**31 - 1,
        )
