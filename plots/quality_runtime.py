from benchopt import BasePlot

from benchmark_inverse_problems.metrics import METRICS
from benchmark_inverse_problems.results import (
    curves,
    harmless,
    last_rows,
    qualities,
    threads_text,
)


class Plot(BasePlot):
    """Mean quality against mean runtime of an image: upper left is better.

    One marker a solver; solvers that are watched while they run draw a curve.
    """

    name = "quality_runtime"
    type = "scatter"
    options = {"dataset": ..., "metric": qualities}

    def plot(self, df, dataset, metric):
        rows = df[df["dataset_name"] == dataset]
        return [
            {"x": x, "y": y, "label": harmless(solver), **self.get_style(solver)}
            for solver, (x, y) in curves(rows, metric).items()
        ]

    def get_metadata(self, df, dataset, metric):
        threads = threads_text(last_rows(df, dataset))
        return {
            "title": harmless(dataset),
            "xlabel": f"Runtime of one image [s], {threads}",
            "ylabel": METRICS[metric].title,
            "scale": "semilog-x",
        }
