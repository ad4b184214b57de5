from benchopt import BasePlot

from benchmark_inverse_problems.judge.metrics import METRICS
from benchmark_inverse_problems.report.axes import around, inside, left_out
from benchmark_inverse_problems.report.comparison import mean_points, pareto_front
from benchmark_inverse_problems.report.names import heading, labels
from benchmark_inverse_problems.report.rows import (
    last_rows,
    machine_text,
    qualities,
)
from benchmark_inverse_problems.report.styles import (
    CIRCLE,
    GRAY,
    OPEN_CIRCLE,
    bubble,
    styles,
)


class Plot(BasePlot):
    """Mean quality against mean runtime of an image: upper left is better.

    Each solver has a bubble whose area grows with its memory. No solver is both better
    and faster than a solver on the Pareto front.
    """

    name = "quality_runtime"
    type = "scatter"
    options = {"dataset": ..., "metric": qualities}

    def plot(self, df, dataset, metric):
        found = mean_points(last_rows(df, dataset), "runtime", metric, "peak_memory")
        if not found:
            return []
        largest = max(memory for _, _, memory in found.values())
        style = styles(df["solver_name"].unique())
        names = labels(found, origin=False)
        traces = [front(found)]
        for solver, (runtime, quality, memory) in found.items():
            traces.append(
                {
                    "x": [runtime],
                    "y": [quality],
                    **style[solver],
                    "marker": CIRCLE,  # areas compare only between equal shapes
                    "size": bubble(memory, largest),
                    "name": names[solver],
                    "hover": f"{quality:.4g}, {runtime:.3g} s, {memory:,.0f} MB",
                }
            )
        return traces

    def get_metadata(self, df, dataset, metric):
        rows = last_rows(df, dataset)
        found = mean_points(rows, metric, "peak_memory")
        quality = {solver: value for solver, (value, _) in found.items()}
        near = inside(quality)
        most = max((memory for _, memory in found.values()), default=0)
        lost = left_out(found.keys() - near, labels(df["solver_name"].unique()))
        return {
            "title": heading(
                dataset,
                df["dataset_name"].unique(),
                f"upper left is better; the largest bubble is {most:,.0f} MB",
                lost,
            ),
            "yrange": around([quality[solver] for solver in near]),
            "xlabel": f"Runtime of one image [s], {machine_text(rows)}",
            "ylabel": METRICS[metric].title,
            "scale": "semilog-x",
        }


def front(points):
    """The Pareto front of {solver: (runtime, quality, memory)}, a line of steps."""
    solvers = pareto_front({solver: p[:2] for solver, p in points.items()})
    return {
        "x": [points[solver][0] for solver in solvers],
        "y": [points[solver][1] for solver in solvers],
        "label": "Pareto front",
        "color": GRAY,
        "marker": OPEN_CIRCLE,
        "dash": "dot",
        "mode": "lines",
        "shape": "hv",
    }
