"""Can a dictionary learned from incomplete measurements fill in what they miss?

Signals are D z: D is a square dictionary of Gaussian columns of length one, z is
Bernoulli-Gaussian. Each is measured by m of n numbers, without noise: y = A_k x, with
orthonormal random rows. A dictionary is learned from all y, with one operator for all
signals or with many, and without any x.

- Recovered: share of the columns of D with a learned column of a correlation above 0.97.
- Correlation: mean over the columns of D of that with the closest learned column. With one
  operator the learned columns lie outside its kernel, and sqrt(m / n) is the ceiling.
- Error in ker A: of new signals, relative to filling in nothing. Their codes have the
  weight of the l1 norm that predicts a tenth of the measurements best from the others: it
  is chosen without x, too.

The last row is a control: one invertible A with Gaussian entries. Nothing is missing there.
The settings were chosen on the seed 1000, the table has other seeds.
"""

from functools import partial
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import torch
from tqdm import tqdm

from ..methods.dictionary import learn_dictionary, sparse_codes, unit
from ..report.tables import formatted
from . import study_parser
from .page import table, write_page
from .resumable import Pieces

WEIGHTS = ()
SIZE, OPERATORS, SIGNALS = 100, 400, 4000
DENSITY = 0.05  # share of the codes that are not zero
WEIGHT, STEPS = 0.1, 250
# Weights for new signals, iterations for their codes, share of y that chooses the weight.
GRID, CODES, HELD_OUT = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0), 300, 0.1
FOUND = 0.97
COLUMNS = {
    "one": "one operator",
    "many": "many operators",
    "true": "true dictionary",
}


def orthonormal(count, rows, generator):
    """Operators (count, rows, SIZE) with orthonormal random rows."""
    square = torch.randn(count, SIZE, SIZE, generator=generator)
    return torch.linalg.qr(square)[0][:, :rows]


def gaussian(count, rows, generator):
    """Operators (count, rows, SIZE) with Gaussian entries."""
    return torch.randn(count, rows, SIZE, generator=generator) / rows**0.5


def signals(dictionary, count, operators, generator):
    """Signals (operators, n, count / operators)."""
    shape = (dictionary.shape[1], count)
    active = torch.rand(shape, generator=generator) < DENSITY
    x = dictionary @ (torch.randn(shape, generator=generator) * active)
    return x.reshape(len(x), operators, -1).transpose(0, 1)


def estimate(operators, dictionary, y, weight):
    """Signals D z for measurements (K, m, N)."""
    z = torch.zeros(len(y), dictionary.shape[1], y.shape[2])
    return dictionary @ sparse_codes(operators @ dictionary, y, weight, z, CODES)


def chosen_weight(operators, dictionary, y):
    """The weight that predicts the last rows of y best from the others."""
    kept = y.shape[1] - max(1, round(HELD_OUT * y.shape[1]))

    def error(weight):
        x = estimate(operators[:, :kept], dictionary, y[:, :kept], weight)
        return float((operators[:, kept:] @ x - y[:, kept:]).norm())

    return min(GRID, key=error)


def kernel_error(operators, dictionary, x):
    """Norm of the error in the kernels over that of x in them; NaN without kernels."""
    if operators.shape[1] == SIZE:
        return float("nan")
    y = operators @ x
    error = estimate(operators, dictionary, y, chosen_weight(operators, dictionary, y))
    error = error - x

    def outside(v):
        return v - operators.mT @ (operators @ v)

    return float(outside(error).norm() / outside(x).norm())


def point(seed, rows, count, draw=orthonormal):
    """One dictionary, learned: {"recovered", "correlation", "kernel", "true"}."""
    generator = torch.Generator().manual_seed(seed)
    truth = unit(torch.randn(SIZE, SIZE, generator=generator))
    operators = draw(count, rows, generator)
    y = operators @ signals(truth, SIGNALS, count, generator)
    start = torch.randn(SIZE, SIZE, generator=generator)
    learned = learn_dictionary(operators, y, start, WEIGHT, STEPS)
    closest = (truth.T @ learned).abs().amax(1)
    new = signals(truth, OPERATORS, count, generator)
    return {
        "recovered": float((closest > FOUND).float().mean()),
        "correlation": float(closest.mean()),
        "kernel": kernel_error(operators, learned, new),
        "true": kernel_error(operators, truth, new),
    }


def results(pieces, rows, seeds, many):
    """The rows of the table: means over the seeds, and the control."""
    found, jobs = {}, {}
    for m in rows:
        for name, count in (("one", 1), ("many", many)):
            jobs[m, name] = partial(point, rows=m, count=count)
    jobs["control", "one"] = partial(point, rows=SIZE, count=1, draw=gaussian)
    work = [(key, seed) for key in jobs for seed in range(seeds)]
    for key, seed in tqdm(work, desc="dictionaries", mininterval=5):
        label = f"{key[0]}_{key[1]}_{seed}"
        found.setdefault(key, []).append(pieces(label, jobs[key], seed))
    means = {key: pd.DataFrame(values).mean() for key, values in found.items()}
    lines = {}
    for m in rows:
        one, many = means[m, "one"], means[m, "many"]
        lines[f"m = {m}"] = numbers(one, many) | {"ceiling": (m / SIZE) ** 0.5}
    control = means["control", "one"]
    lines["invertible Gaussian A"] = numbers(control) | {"ceiling": 1.0}
    return pd.DataFrame(lines).T


def numbers(one, many=None):
    """A row of the table."""
    row = {}
    for label, key in (
        ("recovered", "recovered"),
        ("correlation", "correlation"),
        ("ker error", "kernel"),
    ):
        row[f"{label}, one"] = one[key]
        row[f"{label}, many"] = float("nan") if many is None else many[key]
    row["ker error, true D"] = one["true"]
    return row


def figure(frame, label, title):
    """A column of one operator and of many as curves over m."""
    curve = frame[frame.index.str.startswith("m")]
    m = [int(name.split()[-1]) for name in curve.index]
    plot = go.Figure()
    for suffix, name in COLUMNS.items():
        column = f"{label}, {suffix}" if suffix != "true" else f"{label}, true D"
        if column in curve:
            plot.add_scatter(x=m, y=curve[column], name=name, mode="lines+markers")
    if label == "correlation":
        plot.add_scatter(x=m, y=curve["ceiling"], name="ceiling", line_dash="dot")
    plot.update_layout(
        title=title, xaxis_title=f"measurements m of {SIZE}", template="simple_white"
    )
    return plot


def main(arguments):
    """Print the table and write a page with the curves."""
    parser = study_parser("dictionaries", __doc__)
    parser.add_argument("--folder", type=Path, default=Path("study_runs/dictionaries"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--rows", type=int, nargs="+", default=list(range(10, SIZE + 1, 10))
    )
    parser.add_argument("--operators", type=int, default=OPERATORS)
    chosen = parser.parse_args(arguments)
    wrong = [m for m in chosen.rows if not 2 <= m <= SIZE]
    if wrong:
        parser.error(f"--rows {wrong[0]} is not possible: use 2 to {SIZE}.")
    if chosen.seeds < 1:
        parser.error(f"--seeds {chosen.seeds} is not possible: use 1 or more.")
    if (
        chosen.operators < 2
        or SIGNALS % chosen.operators
        or OPERATORS % chosen.operators
    ):
        parser.error(
            f"--operators {chosen.operators} is not possible: use 2 or more that "
            f"divide {OPERATORS}."
        )
    settings = [SIZE, SIGNALS, DENSITY, WEIGHT, STEPS, GRID, CODES, HELD_OUT]
    pieces = Pieces(chosen.folder, *settings, chosen.operators)
    frame = results(pieces, chosen.rows, chosen.seeds, chosen.operators)
    print(formatted(frame, "markdown", 2, label="measurements"))
    question, _, text = __doc__.partition("\n")
    page = chosen.folder / "dictionaries.html"
    write_page(
        page,
        question,
        [
            ("Columns that are recovered", text.strip(), *curves(frame)),
            ("Numbers", f"Means over {chosen.seeds} seeds.", table(frame, 2)),
        ],
    )
    print(f"\nCurves: {page}")


def curves(frame):
    """The three figures of the page."""
    titles = {
        "recovered": "Share of the columns recovered",
        "correlation": "Correlation with the closest column",
        "ker error": "Error in ker A, relative to filling in nothing",
    }
    return [figure(frame, label, title) for label, title in titles.items()]
