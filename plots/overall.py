from benchopt import BasePlot

from benchmark_inverse_problems.report.overall import metadata, overall


class Plot(BasePlot):
    """The solvers on all problems together, complete ones first.

    The difference is that to the best solver of each problem, a mean over the problems. The
    rank is a mean too. No PSNR is averaged over problems: a solver that skips the hard ones
    would have a high mean.
    """

    name = "overall"
    type = "table"
    options = {}

    def plot(self, df):
        return list(zip(*overall(df).values(), strict=True))

    def get_metadata(self, df):
        return metadata(df)
