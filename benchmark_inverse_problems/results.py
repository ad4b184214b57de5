"""What the dashboard's pages share: tables in, numbers and texts out, no torch."""

import base64
import io
import json

import numpy as np
import pandas as pd
from benchopt.benchmark import get_running_benchmark
from PIL import Image

from .failures import read_failures
from .metrics import METRICS

MISSING = "n/a"
SIDE = 256
PLUS_MINUS = "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"


def shown(df):
    """The metrics of a result table that have values, as {key: Metric}."""
    return {
        key: column
        for key, column in METRICS.items()
        if f"objective_{key}" in df and df[f"objective_{key}"].notna().any()
    }


def last_rows(df, dataset):
    """The rows of a problem at each image's last evaluation."""
    df = df[df["dataset_name"] == dataset]
    cell = df.groupby(["solver_name", "idx_rep", "objective_image"])
    return df[df["stop_val"] == cell["stop_val"].transform("max")]


def summary(rows, metric):
    """Mean and standard deviation over the images, by solver (a DataFrame)."""
    groups = rows.groupby("solver_name", sort=False)[f"objective_{metric}"]
    return groups.agg(["mean", "std"])


def failed_cells(dataset, solvers):
    """The recorded failures of a problem, without the solvers that have results."""
    benchmark = get_running_benchmark()
    if benchmark is None:
        return []
    try:
        records = read_failures(benchmark.get_output_folder())
    except (OSError, ValueError, KeyError):  # a damaged record hides no result
        return []
    return [
        r for r in records if r["dataset"] == dataset and r["solver"] not in solvers
    ]


def threads_text(rows):
    """The number of threads of the runtimes, for titles."""
    counts = sorted(rows["objective_threads"].unique())
    plural = "" if counts == [1] else "s"
    return f"{' or '.join(map(str, counts))} thread{plural}"


def harmless(text):
    """A text without angle brackets: benchopt writes it into a script element."""
    return str(text).replace("<", "‹").replace(">", "›")


def table_text(text):
    """A harmless text; its stars and underscores are no markup of benchopt's tables."""
    return harmless(text).replace("*", r"\*").replace("_", r"\_")


def table_cells(means, spreads, column):
    """Mean ± spread as cells of benchopt's tables, best in bold, second underlined.

    The tables sort texts as texts. Each cell starts with a space for every larger
    value: HTML does not show them, and they make that order the numeric one, with
    missing values at the worse end. Costs get no marks: doing nothing is cheapest.
    """
    means = means.round(column.digits)
    values = np.sort(means.dropna().unique())[::-1]
    marks = ["**", "__"] if column.higher_is_better and len(values) > 1 else []
    cost = column.higher_is_better is False
    cells = []
    for mean, spread in zip(means, spreads, strict=True):
        if np.isnan(mean):
            cells.append(" " * (0 if cost else len(values)) + MISSING)
            continue
        text = f"{mean:,.{column.digits}f}"
        if spread > 0:
            text += f"{PLUS_MINUS}{spread:,.{column.digits}f}"
        elif column.unit:  # a bare number would be shown with benchopt's decimals
            text += f" {column.unit}"
        rank = int((values > mean).sum())
        mark = marks[rank] if rank < len(marks) else ""
        cells.append(" " * rank + mark + text + mark)
    return cells


def from_png(text):
    """Pixels (H, W) or (H, W, 3) in [0, 1] of a base64 PNG."""
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return np.asarray(image) / 255


def pictures(rows):
    """The stored pictures of each solver, best reconstruction first.

    Parameters
    ----------
    rows : DataFrame
        As `last_rows` returns them.

    Returns
    -------
    list of (solver, dict, float)
        The dict holds the image's name, three arrays (truth, measurement and
        reconstruction) and whether the measurement is aligned with the image,
        which k-space is not. The number is the PSNR of that image.
    """
    if "final_results" not in rows:
        return []
    found = []
    for solver, cell in rows.groupby("solver_name", sort=False):
        stored = cell["final_results"].dropna()
        if stored.empty:
            continue
        entry = {"aligned": True} | json.loads(stored.iloc[-1])
        for key in ("truth", "measurement", "reconstruction"):
            entry[key] = from_png(entry[key])
        image = cell[cell["objective_image"] == entry["name"]]
        found.append((solver, entry, image["objective_psnr"].mean()))
    return sorted(found, key=lambda item: -np.nan_to_num(item[2], nan=-np.inf))


def detail(truth):
    """Where the truth has most contrast: (top, left, side), a quarter as wide."""
    gray = truth if truth.ndim == 2 else truth.mean(axis=2)
    side = max(4, min(gray.shape) // 16 * 4)
    windows = np.lib.stride_tricks.sliding_window_view(gray, (side, side))
    contrast = windows[:: side // 4, :: side // 4].std(axis=(2, 3))
    top, left = np.unravel_index(contrast.argmax(), contrast.shape)
    return int(top) * (side // 4), int(left) * (side // 4), side


def zoom(image, place, shape):
    """The pixels of a detail.

    Parameters
    ----------
    image : array (H, W) or (H, W, 3)
        On the truth's grid or on a coarser one; other pictures stay whole.
    place : (top, left, side)
        In pixels of the truth.
    shape : tuple
        The truth's.
    """
    factor = max(1, shape[0] // image.shape[0])
    if (image.shape[0] * factor, image.shape[1] * factor) != shape[:2]:
        return image
    top, left, side = (n // factor for n in place)
    return image[top : top + side, left : left + side]


def enlarge(image):
    """A small picture at nearly SIDE pixels, by repeating its pixels."""
    factor = max(1, SIDE // max(image.shape[:2]))
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def error_map(estimate, truth):
    """5 |x_hat - x|, the mean over the colours, as a gray image."""
    error = np.clip(5 * np.abs(estimate - truth), 0, 1)
    return error if error.ndim == 2 else error.mean(axis=2)


def curves(rows, metric, axis="runtime"):
    """Quality against time: {solver: (runtimes, means)} of the means over the images.

    A solver that ran once has one point, others one for each evaluation; with axis
    "iterations" it lies at the iteration instead.
    """
    columns = ["objective_runtime", f"objective_{metric}"]
    found = {}
    for solver, cell in rows.groupby("solver_name", sort=False):
        points = cell.groupby("stop_val")[columns].mean().dropna()
        if not points.empty:
            x, y = (points[column].tolist() for column in columns)
            found[solver] = (points.index.tolist() if axis == "iterations" else x, y)
    return found


def qualities(df):
    """The metrics that quality can be read from."""
    return [k for k, column in shown(df).items() if column.higher_is_better]


def joined(values):
    """The different texts among some values."""
    return ", ".join(dict.fromkeys(str(v) for v in values if v and not pd.isna(v)))
