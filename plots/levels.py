from benchopt import BasePlot

from benchmark_inverse_problems.judge.metrics import METRICS
from benchmark_inverse_problems.report.axes import around, inside, left_out
from benchmark_inverse_problems.report.comparison import along_levels, tasks
from benchmark_inverse_problems.report.names import harmless, labels, listed, usual
from benchmark_inverse_problems.report.rows import qualities
from benchmark_inverse_problems.report.styles import styles

NONE = "no problem at several levels"
TO_RUN = "run a problem at two levels, for example -d div2k_sr2 -d div2k_sr4"
GAP = "difference to the best"


class Plot(BasePlot):
    """Mean quality along the levels of a task, from easy to hard.

    A task is a group of problems that differ in one parameter: noise, blur, factor,
    angles, acceleration. A level is easier if the best solver has a higher PSNR there.
    """

    name = "levels"
    type = "scatter"
    options = {
        "task": lambda df: list(tasks(df)) or [NONE],
        "metric": qualities,
        "shown": ["value", GAP],
    }

    def plot(self, df, task, metric, shown):
        if task == NONE:
            return []
        lines = along_levels(df, tasks(df)[task][1], metric, to_best=shown == GAP)
        style = styles(df["solver_name"].unique())
        return [
            {"x": line.index.tolist(), "y": line.tolist(), **style[solver]}
            for solver, line in lines.items()
        ]

    def get_metadata(self, df, task, metric, shown):
        parameter, levels = tasks(df).get(task, ("level", {}))
        lines = along_levels(df, levels, metric, to_best=shown == GAP)
        gaps = along_levels(df, levels, metric, to_best=True)
        means = {solver: gap.mean() for solver, gap in gaps.items()}
        near = inside(means)
        shown_values = [v for solver in near for v in lines[solver]]
        lost = left_out(lines.keys() - near, labels(df["solver_name"].unique()))
        shared = usual(levels.values()).items()
        shared = listed({k: v for k, v in shared if f"{k}={v}" not in task})
        if task == NONE:
            shared = TO_RUN
        numbered = ", ".join(f"{i}: {level}" for i, level in enumerate(levels, start=1))
        return {
            "title": "\n".join(map(harmless, filter(None, [task, shared, lost]))),
            "xlabel": harmless(f"{parameter}, from easy to hard ({numbered})"),
            "ylabel": METRICS[metric].title + (f", {GAP}" if shown == GAP else ""),
            "scale": "linear",
            "yrange": around(shown_values),
            # The dashboard writes the levels at the axis. benchopt's page has numbers.
            "ticks": [harmless(level) for level in levels],
            "ticks_label": harmless(f"{parameter}, from easy to hard"),
        }
