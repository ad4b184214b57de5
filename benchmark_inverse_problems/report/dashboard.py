"""The dashboard of a result file as one page that opens anywhere.

benchopt's pages load their scripts from the network. This page contains the scripts.
"""

import base64
import contextlib
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from unittest.mock import patch

import pandas as pd
from benchopt.benchmark import Benchmark
from benchopt.plotting import helpers, plot_benchmark
from plotly.offline import get_plotlyjs

from ..suite import BENCHMARK, working_in
from ..support.atomic import replacing
from .encoded import Encoded
from .memory import remembering
from .names import harmless
from .submitted import POINT, read_rows

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ASSETS = Path(__file__).parent / "page"
# The scripts of the folder, in their order.
PARTS = ("page", "charts", "table", "dots", "gallery")
SCRIPT = re.compile(r'<script[^>]*\ssrc="https?://([^"]*)"[^>]*>\s*</script>')
LINK = re.compile(r'<link[^>]*\shref="https?://([^"]*)"[^>]*>')
# The link to benchopt's list of all result files, which is not sent along with a page.
HOME = re.compile(r'<a href="[^"]*"[^>]*>Home</a>')


@contextlib.contextmanager
def making_pages():
    """Let benchopt make its pages quickly, with numbers instead of pictures.

    Yields
    ------
    Encoded
        The pictures.
    """
    pictures = Encoded()
    with (
        pictures.pool,
        patch.object(helpers, "_array_to_png_src", pictures.number),
        remembering(),
        # Pages take many small parts of tables, which is slow from Arrow's texts.
        pd.option_context("mode.string_storage", "python"),
    ):
        yield pictures


def self_contained(html, pictures):
    """A page of benchopt's that contains everything it would load from the network.

    plotly's script comes from its Python package. It is packed, and the page unpacks it
    for the first chart. Benchopt's table from Grid.js is replaced by ours
    (``page/table.js``). Fonts are the system's.

    Parameters
    ----------
    html : str
    pictures : Encoded
        Its pictures, which the page names by their numbers.

    Raises
    ------
    ValueError
        If the page loads something that is not known. This happens if benchopt is newer
        than this suite.
    """
    scripts = {
        "plotly": lambda: (
            inline(f"const PLOTLY = '{packed(get_plotlyjs())}';")
            + inline(f"const PICTURES = {json.dumps(pictures.addresses())};")
            + "".join(inline(asset(f"{name}.js")) for name in PARTS)
        ),
        "gridjs": lambda: "",
        "anime": lambda: "",
    }
    styles = {
        "gridjs": lambda: "",
        "fonts": lambda: "",
    }
    html = LINK.sub(lambda tag: replacement(tag, styles), HOME.sub("", html))
    # After benchopt's own style, which it changes.
    html = html.replace("</head>", f"<style>{asset('page.css')}</style></head>", 1)
    return SCRIPT.sub(lambda tag: replacement(tag, scripts), html)


def replacement(tag, known):
    """The replacement of a tag that loads something from the network."""
    for name, make in known.items():
        if name in tag[1]:
            return make()
    raise ValueError(
        f"The page loads {tag[1]}, which this suite cannot put inside: install the "
        "version of benchopt in constraints.txt."
    )


def packed(script):
    """A script as base64 of gzip, the same for ever."""
    return base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode("ascii")


def asset(name):
    return (ASSETS / name).read_text(encoding="utf-8")


def inline(script):
    """A script element. Closing tags inside the script are escaped."""
    return f"<script>{script.replace('</script', '<' + chr(92) + '/script')}</script>"


def dashboard(file, output=None, outputs=None):
    """Write the dashboard of a result file.

    Parameters
    ----------
    file : path
        A parquet or CSV file that ``benchopt run`` wrote.
    output : path or None
        The page; None: beside the file, with the suffix ``.html``.
    outputs : path or None
        The folder whose failures the page shows. None: the suite's.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no result file of this suite.
    """
    file = Path(file).resolve()
    df = read_rows(file, columns=(*POINT, "objective_name"))
    benchmark = Benchmark(BENCHMARK)
    with working_in(BENCHMARK, outputs):
        folder = benchmark.get_output_folder()
        # benchopt plots files of its own folder only. It writes their texts into a script,
        # so they must hold no markup.
        copy = folder / f"dashboard_{os.getpid()}.parquet"
        page = folder / f"{benchmark.name}_{copy.stem}.html"
        without_markup(df).to_parquet(copy)
        try:
            # benchopt says where it writes its page, which is not kept.
            with contextlib.redirect_stdout(io.StringIO()), making_pages() as pictures:
                plot_benchmark(copy, benchmark, display=False)
            html = self_contained(page.read_text(encoding="utf-8"), pictures)
        finally:
            copy.unlink()
            page.unlink(missing_ok=True)
    output = Path(output) if output else file.with_suffix(".html")
    with replacing(output) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return output


def photograph(page, target):
    """Write a picture of the first view of a page, as Chromium shows it.

    Parameters
    ----------
    page, target : path
        The HTML file and the PNG file.

    Raises
    ------
    FileNotFoundError
        If there is no Chromium.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise FileNotFoundError(
            f"There is no browser for the picture: install one of {', '.join(BROWSERS)}."
        )
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        options += ["--hide-scrollbars", "--window-size=1400,1000"]
        options += ["--virtual-time-budget=10000", f"--user-data-dir={profile}"]
        options += [f"--screenshot={Path(target).resolve()}"]
        subprocess.run(
            [browser, *options, Path(page).resolve().as_uri()],
            check=True,
            capture_output=True,
            timeout=120,
        )


def without_markup(df):
    """The results with no angle bracket in any text, also in the columns' names.

    The file may come from a stranger. Its texts must not become elements of the page.
    """
    texts = df.select_dtypes(exclude="number")
    df = df.assign(**texts.map(lambda v: harmless(v) if isinstance(v, str) else v))
    return df.rename(columns=harmless)
