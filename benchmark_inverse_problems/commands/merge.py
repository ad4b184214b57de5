"""Put result files together; all images of a cell are kept.

Of a cell in several files the newest counts, as a whole. benchopt's own ``merge`` takes the
images of a cell for the same row and keeps the last, unless it is told ``--keep all``.
"""

from pathlib import Path

from ..report.pictures import PICTURES
from ..report.submitted import combined, read_submitted
from ..support.atomic import replacing
from ..support.parquet import compress
from . import parser


def merge(files, output):
    """Write the results of several files into one.

    Parameters
    ----------
    files : list of path
        Parquet files that ``run`` or ``benchopt run`` wrote.
    output : path
        The new file; it ends in ``.parquet``.

    Returns
    -------
    DataFrame
        Its rows.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    FileExistsError
        If there is a file of the new name.
    ValueError
        If a file cannot be used, is given twice, or has other measurements of a problem.
    """
    output, files = Path(output), [Path(file) for file in files]
    if output.suffix != ".parquet":
        raise ValueError(f"{output} does not end in .parquet: name a parquet file.")
    if output.exists():
        raise FileExistsError(f"{output} is there already: give another name.")
    if len({file.resolve() for file in files}) < len(files):
        raise ValueError("A file is given twice: give each file once.")
    df = combined({str(file): read_submitted(file) for file in files})
    with replacing(output) as temporary:
        df.to_parquet(temporary)
        compress(temporary, PICTURES)
    return df


def main(arguments):
    """Write the file and print what it holds."""
    options = parser(
        "merge", "One result file of several; images of a cell stay together."
    )
    options.add_argument("files", nargs="+", help="parquet files of results")
    options.add_argument("--output", required=True, help="the new parquet file")
    options = options.parse_args(arguments)
    df = merge(options.files, options.output)
    cells = len(df[["dataset_name", "solver_name"]].drop_duplicates())
    print(f"Results: {options.output}, with {cells} cells and {len(df)} rows")
