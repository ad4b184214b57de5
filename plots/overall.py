from benchopt import BasePlot

from benchmark_inverse_problems.report.overall import heat_map, metadata, overall


def columns(df, heat):
    """The columns of the page, {header: cells}: the heat map beside the mean rank."""
    table = dict(overall(df))
    first = {header: table.pop(header) for header in ("Solver", "Mean rank")}
    return first | heat | {"Wins": table.pop("Wins")} | table


class Plot(BasePlot):
    """The solvers on all problems together, complete ones first.

    A cell of the heat map is the difference in PSNR to the best solver of the problem, in
    dB. Empty cells are skipped, a cross is a failure, and a dot is a network outside of its
    training. Bold ones are not distinguishable from the best. The rank is a mean over the
    problems. No PSNR is averaged over problems: a solver that skips the hard ones would
    have a high mean.
    """

    name = "overall"
    type = "table"
    options = {}

    def plot(self, df):
        return list(zip(*columns(df, heat_map(df)).values(), strict=True))

    def get_metadata(self, df):
        heat = heat_map(df)
        return metadata(df) | {"columns": list(columns(df, heat)), "heat": list(heat)}
