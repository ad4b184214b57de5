"""What the dashboard's pages share: tables in, numbers and texts out, no torch."""

import base64
import io
import json
from functools import lru_cache

import numpy as np
import pandas as pd
from benchopt.benchmark import get_running_benchmark
from PIL import Image

from .failures import read_failures
from .metrics import METRICS

MISSING = "n/a"
MINUS = "\N{MINUS SIGN}"
ALL = "all problems"
FRAME = (1.0, 0.8, 0.0)
NBSP = "\N{NO-BREAK SPACE}"
PLUS_MINUS = f"{NBSP}±{NBSP}"


def shown(df):
    """The metrics of a result table that have values, as {key: Metric}."""
    return {
        key: column
        for key, column in METRICS.items()
        if f"objective_{key}" in df and df[f"objective_{key}"].notna().any()
    }


def last_rows(df, dataset):
    """The rows of a problem, or of `ALL`, at each image's last evaluation."""
    if dataset != ALL:
        df = df[df["dataset_name"] == dataset]
    cell = df.groupby(["dataset_name", "solver_name", "idx_rep", "objective_image"])
    return df[df["stop_val"] == cell["stop_val"].transform("max")]


def mean_points(rows, *metrics):
    """Means over the images, {solver: (number, ...)}, of solvers that have them all."""
    columns = [f"objective_{metric}" for metric in metrics]
    means = rows.groupby("solver_name", sort=False)[columns].mean().dropna()
    return {solver: tuple(means.loc[solver]) for solver in means.index}


def failed_cells(df, dataset):
    """The recorded failures of a problem, or of `ALL`, that have no results."""
    benchmark = get_running_benchmark()
    if benchmark is None:
        return []
    try:
        records = read_failures(benchmark.get_output_folder())
    except (OSError, ValueError, KeyError):  # a damaged record hides no result
        return []
    problems = set(df["dataset_name"]) if dataset == ALL else {dataset}
    done = set(zip(df["dataset_name"], df["solver_name"], strict=True))
    return [
        record
        for record in records
        if record["dataset"] in problems
        and (record["dataset"], record["solver"]) not in done
    ]


def threads_text(counts):
    """The numbers of threads of some runtimes, for titles."""
    counts = sorted(set(counts))
    plural = "" if counts == [1] else "s"
    return f"{' or '.join(map(str, counts))} thread{plural}"


def harmless(text):
    """A text without angle brackets: benchopt writes it into a script element."""
    return str(text).replace("<", "‹").replace(">", "›")


def split_name(name):
    """The name of a plugin and its parameters, (str, dict of str)."""
    stem, _, rest = name.partition("[")
    items = (item.partition("=") for item in rest.removesuffix("]").split(",") if item)
    return stem, {key.strip(): value.strip() for key, _, value in items}


def split_names(names):
    """`split_name` of a Series: columns "stem" and one a parameter, NaN where it is not."""
    parts = [{"stem": stem} | found for stem, found in map(split_name, names)]
    return pd.DataFrame(parts, index=names.index)


def joined_name(stem, parameters):
    """What `split_name` splits."""
    text = ",".join(f"{key}={value}" for key, value in parameters.items())
    return f"{stem}[{text}]" if text else stem


def labels(solvers, origin=True):
    """Short names of some solvers, harmless: {solver: label}.

    Of the parameters those are left that tell variants of one solver apart, and with
    `origin` that of the weights.
    """
    split = {solver: split_name(solver) for solver in solvers}
    values = {}
    for stem, parameters in split.values():
        values.setdefault(stem, []).append(parameters)
    found = {}
    for solver, (stem, parameters) in split.items():
        kept = {
            key: value
            for key, value in parameters.items()
            if (origin and key == "weights")
            or any(p.get(key) != value for p in values[stem])
        }
        found[solver] = harmless(joined_name(stem, kept))
    return found


def table_text(text):
    """A harmless text; its stars and underscores are no markup of benchopt's tables."""
    return harmless(text).replace("*", r"\*").replace("_", r"\_")


def table_cells(means, spreads, column, compared=None):
    """Mean ± spread as cells of benchopt's tables, best in bold, second underlined.

    Only solvers that are `compared` (a Series of bool; None: all) are marked.

    The tables sort texts as texts. Each cell starts with a space for every larger
    value: HTML does not show them, and they make that order the numeric one, with
    missing values at the worse end. Costs get no marks: doing nothing is cheapest.
    """
    means = means.round(column.digits)
    values = np.sort(means.dropna().unique())[::-1]
    if compared is None:
        compared = pd.Series(True, means.index)
    places = np.sort(means[compared].dropna().unique())[::-1]
    marks = ["**", "__"] if column.higher_is_better and len(places) > 1 else []
    marks = dict(zip(places, marks, strict=False))
    cost = column.higher_is_better is False
    cells = []
    for solver, mean, spread in zip(means.index, means, spreads, strict=True):
        if np.isnan(mean):
            cells.append(" " * (0 if cost else len(values)) + MISSING)
            continue
        text = f"{mean:,.{column.digits}f}"
        if spread > 0:
            text += f"{PLUS_MINUS}{spread:,.{column.digits}f}"
        elif column.unit:  # a bare number would be shown with benchopt's decimals
            text += f" {column.unit}"
        rank = int((values > mean).sum())
        mark = marks.get(mean, "") if compared[solver] else ""
        cells.append(" " * rank + mark + text + mark)
    return cells


def difference_cells(table, digits):
    """Differences to the best with their intervals, as `table_cells` writes cells.

    Parameters
    ----------
    table : DataFrame
        Columns mean, low and high; a row of NaN where there is nothing to compare.
    digits : int
    """
    values = table["mean"].dropna().round(digits).unique()

    def text(value):
        return f"{value:+.{digits}f}".replace("-", MINUS)

    cells = []
    for mean, low, high in table.itertuples(index=False):
        if np.isnan(mean):
            cells.append(" " * len(values) + MISSING)
            continue
        cell = text(mean) if mean else "best"
        if mean and not np.isnan(low):
            cell += f"{NBSP}[{text(low)},{NBSP}{text(high)}]"
        cells.append(" " * int((values > round(mean, digits)).sum()) + cell)
    return cells


@lru_cache(maxsize=64)  # a page shows the pictures of one problem in several views
def from_png(text):
    """Pixels (H, W) or (H, W, 3) in [0, 1] of a base64 PNG."""
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return np.asarray(image) / 255


def stored_pictures(rows):
    """The stored pictures of each solver, best reconstruction first.

    Parameters
    ----------
    rows : DataFrame
        As `last_rows` returns them.

    Returns
    -------
    list of (solver, dict, float)
        The dict holds the image's name, the base64 PNG of the truth, the measurement
        and the reconstruction, and whether the measurement is aligned with the image,
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


def framed(image, place):
    """A picture as colours, with a frame around a detail."""
    image = np.array(np.broadcast_to(image.T, (3, *image.shape[1::-1])).T)
    top, left, side = place
    inside = np.zeros(image.shape[:2], bool)
    inside[top : top + side, left : left + side] = True
    width = max(1, side // 16)
    inside[top + width : top + side - width, left + width : left + side - width] = False
    image[inside] = FRAME
    return image


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


def inside(points):
    """The keys of {key: value} without those far below the rest, in their order.

    Far is more than three times as far below the lower quartile as the best is above.
    """
    values = list(points.values())
    if not values:
        return []
    best, quartile = np.max(values), np.quantile(values, 0.25)
    limit = quartile - 3 * (best - quartile)
    return [key for key, value in points.items() if value >= limit]


def around(values):
    """A range of an axis with some values; None, which leaves it to plotly, for none."""
    if len(values) == 0:
        return None
    margin = 0.08 * (max(values) - min(values)) or 1
    return min(values) - margin, max(values) + margin


def left_out(solvers, names):
    """A note on solvers that an axis leaves out, with their labels."""
    if not solvers:
        return ""
    return f"\nbelow the frame: {', '.join(sorted(names[s] for s in solvers))}"


def joined(values):
    """The different texts among some values."""
    return ", ".join(dict.fromkeys(str(v) for v in values if v and not pd.isna(v)))
