from benchopt import BasePlot

from benchmark_inverse_problems.metrics import METRICS
from benchmark_inverse_problems.results import curves, harmless, qualities

AXES = {"runtime": "Runtime of one image [s]", "iterations": "Iterations"}


class Plot(BasePlot):
    """Mean quality against time or iterations, for solvers that are watched.

    A star is the result: where the solver's own rule or budget ended it, and the
    estimate that it chose. Images that ended early stay in the means as they are.
    """

    name = "convergence"
    type = "scatter"
    options = {"dataset": ..., "metric": qualities, "axis": list(AXES)}

    def plot(self, df, dataset, metric, axis):
        rows = df[df["dataset_name"] == dataset]
        traces = []
        for solver, (x, y) in curves(rows, metric, axis).items():
            if len(x) > 1:
                style = self.get_style(solver)
                traces.append({"x": x, "y": y, "label": harmless(solver), **style})
                end = {"x": x[-1:], "y": y[-1:], "label": f"result of {solver}"}
                traces.append(end | style | {"marker": 17})
        return traces

    def get_metadata(self, df, dataset, metric, axis):
        return {
            "title": harmless(dataset),
            "xlabel": AXES[axis],
            "ylabel": METRICS[metric].title,
            "scale": "semilog-x",
        }
