"""Draw what the solvers of a result file made of the first image of each problem.

python examples/pictures.py outputs/FILE.parquet docs/FILE.webp
"""

import sys

import matplotlib
import pandas as pd

from benchmark_inverse_problems.report.names import labels, stems
from benchmark_inverse_problems.report.pictures import from_png, stored_pictures
from benchmark_inverse_problems.report.rows import last_rows

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def pictures(df, problem):
    """[(title, picture)]: the truth, the measurement, and the solvers, best first."""
    found = stored_pictures(last_rows(df, problem))
    names = labels(df["solver_name"].unique(), origin=False)
    first = found[0][1]
    drawn = [(key, first[key]) for key in ("truth", "measurement")]
    drawn += [
        (f"{names[solver].split('[')[0]}\n{psnr:.1f} dB", entry["reconstruction"])
        for solver, entry, psnr in found
    ]
    return [(title, from_png(picture)) for title, picture in drawn]


def main(source, target):
    df = pd.read_parquet(source)
    problems = df["dataset_name"].drop_duplicates()
    rows = [pictures(df, problem) for problem in problems]
    columns = max(map(len, rows))
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(2 * columns, 2.2 * len(rows)), squeeze=False
    )
    for line, row, name in zip(axes, rows, stems(problems), strict=True):
        for axis in line:
            axis.axis("off")
        for axis, (title, picture) in zip(line, row, strict=False):
            axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
            axis.set_title(title, fontsize=8)
        line[0].text(
            -0.1,
            0.5,
            name,
            transform=line[0].transAxes,
            rotation=90,
            va="center",
            ha="right",
            fontsize=9,
        )
    figure.tight_layout()
    figure.savefig(target, dpi=80, bbox_inches="tight")


if __name__ == "__main__":
    main(*sys.argv[1:])
