from benchopt import BasePlot

from benchmark_inverse_problems.judge.metrics import SHARES
from benchmark_inverse_problems.report.comparison import coverages
from benchmark_inverse_problems.report.names import heading
from benchmark_inverse_problems.report.rows import last_rows
from benchmark_inverse_problems.report.styles import GRAY, OPEN_CIRCLE, styles

NONE = "no method with a spread"
TO_RUN = "add a method that knows its error to the run, for example -s ram_bootstrap"


def with_spread(df):
    """The problems with a method that knows its error, or `NONE`."""
    found = df["dataset_name"].unique().tolist()
    return [name for name in found if coverages(last_rows(df, name))] or [NONE]


class Plot(BasePlot):
    """Do the intervals of a method hold as many pixels as they should?

    A method on the dotted line is right. Below it the method is too sure of itself: its
    intervals are too narrow.
    """

    name = "coverage"
    type = "scatter"
    options = {"dataset": with_spread}

    def plot(self, df, dataset):
        found = coverages(last_rows(df, dataset))
        style = styles(df["solver_name"].unique())
        traces = [
            {"x": list(SHARES), "y": reached, **style[solver]}
            for solver, reached in found.items()
        ]
        if traces:
            traces.append(
                {
                    "x": [SHARES[0], SHARES[-1]],
                    "y": [SHARES[0], SHARES[-1]],
                    "label": "right",
                    "color": GRAY,
                    "marker": OPEN_CIRCLE,
                    "dash": "dot",
                    "mode": "lines",
                }
            )
        return traces

    def get_metadata(self, df, dataset):
        return {
            "title": heading(
                dataset,
                df["dataset_name"].unique(),
                TO_RUN
                if dataset == NONE
                else "means over the images; below the dotted line the intervals are too "
                "narrow",
            ),
            "xlabel": "Pixels that the intervals should hold [%]",
            "ylabel": "Pixels that they hold [%]",
            "scale": "linear",
        }
