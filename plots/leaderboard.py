from benchopt import BasePlot

from benchmark_inverse_problems.report.hint import give_hint
from benchmark_inverse_problems.report.leaderboard import leaderboard, metadata


class Plot(BasePlot):
    """The solvers on one problem, best PSNR first; failed cells last."""

    name = "leaderboard"
    type = "table"
    options = {"dataset": ...}

    def plot(self, df, dataset):
        give_hint()
        return list(zip(*leaderboard(df, dataset).values(), strict=True))

    def get_metadata(self, df, dataset):
        return metadata(df, dataset)
