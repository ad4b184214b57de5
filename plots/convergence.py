from benchopt import BasePlot

from benchmark_inverse_problems.judge.metrics import METRICS
from benchmark_inverse_problems.report.names import heading
from benchmark_inverse_problems.report.rows import curves, problem_rows, qualities
from benchmark_inverse_problems.report.styles import STAR, styles

AXES = {"runtime": "Runtime of one image [s]", "iterations": "Iterations"}


NONE = "no solver that is watched"
TO_RUN = "curves need an iterative solver: add for example -s dip to the run"


def watched(df):
    """The problems with solvers that have several points, or `NONE`."""
    points = df.groupby(["dataset_name", "solver_name"], sort=False)[
        "stop_val"
    ].nunique()
    return list(dict.fromkeys(points[points > 1].index.get_level_values(0))) or [NONE]


class Plot(BasePlot):
    """Mean quality against time or iterations, for solvers that are watched.

    A star is the result: the estimate that the solver chose when its own rule or budget
    ended the run. Images that end early stay in the means with their last value.
    """

    name = "convergence"
    type = "scatter"
    options = {"dataset": watched, "metric": qualities, "axis": list(AXES)}

    def plot(self, df, dataset, metric, axis):
        rows = problem_rows(df, dataset)
        style = styles(df["solver_name"].unique())
        traces = []
        for solver, (x, y) in curves(rows, metric, axis).items():
            if len(x) > 1:
                # The star and the curve share one entry in the legend.
                end = {"x": x[-1:], "y": y[-1:], **style[solver], "marker": STAR}
                traces.append(end | {"size": 18, "layer": 1})
                traces.append({"x": x, "y": y, **style[solver]})
        return traces

    def get_metadata(self, df, dataset, metric, axis):
        return {
            "title": heading(
                dataset,
                df["dataset_name"].unique(),
                TO_RUN
                if dataset == NONE
                else "means over the images; a star is the result",
            ),
            "xlabel": AXES[axis],
            "ylabel": METRICS[metric].title,
            "scale": "semilog-x",
        }
