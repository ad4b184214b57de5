"""Make a static site of result files: all problems together, and each run's dashboard.

``index.html`` has the tables and says where each result file comes from. ``all.html`` is the
dashboard of all results, and ``runs/`` holds each file with a dashboard of its own. The
pages need no network.
"""

import html
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pandas as pd
from benchopt.benchmark import Benchmark

from ..judge.metrics import METRICS
from ..report.cells import plain_text
from ..report.dashboard import dashboard
from ..report.overall import metadata, overall
from ..report.submitted import combined, origin, read_submitted, sha256
from ..report.tables import outside_marks, pivot
from ..studies.page import write_page
from ..suite import BENCHMARK, working_in
from ..support.progress import progress
from . import parser

METRIC = "psnr"
TITLE = "Imaging inverse problems: results"


def board(files, output):
    """Write the site.

    Parameters
    ----------
    files : list of path
        Parquet files that ``benchopt run`` wrote.
    output : path
        A folder that does not exist or is empty.

    Returns
    -------
    Path
        The front page.

    Raises
    ------
    ValueError
        If a file cannot be used, is given twice or does not compare with the others.
    FileExistsError
        If the folder holds something.
    """
    output = Path(output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(f"{output} is not an empty folder: name another one.")
    runs = named(files)
    tables = {name: read_submitted(file) for name, file in runs.items()}
    df = combined(tables)
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output.parent) as folder:
        # benchopt's files, away from the failures of this machine's own runs.
        work, site = Path(folder) / "work", Path(folder) / "site"
        (site / "runs").mkdir(parents=True)
        everything = Path(folder) / "all.parquet"
        df.to_parquet(everything)
        dashboard(everything, site / "all.html", work)
        for name, file in progress(runs.items(), "dashboards"):
            shutil.copy(file, site / "runs" / f"{name}.parquet")
            dashboard(file, site / "runs" / f"{name}.html", work)
        with working_in(BENCHMARK, work) as place:
            Benchmark(place)  # the overall table asks it for failures
            parts = sections(df, tables, site / "runs")
        write_page(site / "index.html", TITLE, parts)
        if output.exists():
            output.rmdir()
        site.rename(output)
    return output / "index.html"


def named(files):
    """Names of the files on the site, {name: file}.

    Raises
    ------
    ValueError
        If two files have the same content.
    """
    found, digests = {}, {}
    for file in map(Path, files):
        if not file.is_file():
            raise FileNotFoundError(f"There is no file {file}: give result files.")
        same = digests.setdefault(sha256(file), file)
        if same is not file:
            raise ValueError(f"{file} has the content of {same}: give it once.")
        name, count = file.stem, 2
        while name in found:
            name, count = f"{file.stem}_{count}", count + 1
        found[name] = file
    return found


def sections(df, tables, folder):
    """The parts of the front page, for `write_page`.

    Parameters
    ----------
    df : DataFrame
        The results of all files.
    tables : dict
        {name: DataFrame} of each file.
    folder : path
        Where the site keeps the files.
    """
    metric = METRICS[METRIC]
    scores = pivot(df, METRIC).sort_index()
    marks, notes = outside_marks(df, METRIC)
    texts = scores.map(
        lambda value: "" if pd.isna(value) else f"{value:.{metric.digits}f}"
    )
    for (problem, solver), mark in marks.items():
        texts.loc[problem, solver] += mark
    ranks = pd.DataFrame(overall(df)).map(plain_text).drop(columns="Full name")
    everything = link("all.html", "The dashboard of all results")
    return [
        (
            "All problems together",
            " | ".join(metadata(df)["title"].splitlines()),
            table(ranks.map(html.escape), index=False),
            f"<p>{everything} has more views and all metrics.</p>",
        ),
        (
            f"{metric.title} of each problem",
            " ".join(
                [
                    "Means over the images. Runtimes of different machines do not compare, "
                    "so they are on the dashboards of the runs only.",
                    *notes,
                ]
            ),
            table(texts.rename_axis(None).T.rename(html.escape).T.rename(html.escape)),
        ),
        (
            "Runs",
            "Of a problem and solver in several files the newest counts above. The SHA-256 "
            "is that of the result file, and the command `verify` computes it again.",
            table(pd.DataFrame(run(*item, folder) for item in tables.items()), False),
        ),
    ]


def run(name, df, folder):
    """One row of the table of runs, as HTML."""
    file = f"{name}.parquet"
    cells = df[["dataset_name", "solver_name"]]
    texts = {
        "problems": str(cells["dataset_name"].nunique()),
        "solvers": str(cells["solver_name"].nunique()),
        **origin(df),
        "SHA-256": sha256(folder / file),
    }
    return {
        "dashboard": link(f"runs/{name}.html", name),
        "result file": link(f"runs/{file}", file),
        **{key: html.escape(value) for key, value in texts.items()},
    }


def link(path, label):
    return f'<a href="{quote(path)}">{html.escape(label)}</a>'


def table(frame, index=True):
    """A table of HTML cells, which scrolls where it is wider than the page."""
    content = frame.to_html(index=index, escape=False, border=0)
    return f'<div style="overflow-x: auto">{content}</div>'


def main(arguments):
    """Write the site and print where it is."""
    options = parser("board", "A static site of result files; it needs no network.")
    options.add_argument("files", nargs="+", help="parquet files of results")
    options.add_argument("--output", required=True, help="a new folder")
    options = options.parse_args(arguments)
    print(f"Board: {board(options.files, options.output)}")
