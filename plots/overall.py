from benchopt import BasePlot

from benchmark_inverse_problems.report.leaderboard import leaderboard, metadata
from benchmark_inverse_problems.report.rows import ALL


class Plot(BasePlot):
    """The solvers on all problems together, the smallest difference to the best first.

    Means cannot be compared if a solver skips or fails some problems. Differences can
    be compared, because each is taken on the images that both solvers have.
    """

    name = "overall"
    type = "table"
    options = {}

    def plot(self, df):
        return list(zip(*leaderboard(df, ALL).values(), strict=True))

    def get_metadata(self, df):
        return metadata(df, ALL)
