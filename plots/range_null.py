from benchopt import BasePlot

from benchmark_inverse_problems.report.axes import around, inside, left_out
from benchmark_inverse_problems.report.comparison import mean_points
from benchmark_inverse_problems.report.names import heading, labels
from benchmark_inverse_problems.report.rows import last_rows
from benchmark_inverse_problems.report.styles import styles

NONE = "no problem with a null space"
TO_RUN = "run a problem whose operator loses something, for example -d div2k_sr4"


def with_null_space(df):
    """The problems whose operator loses something, or `NONE`."""
    lossy = df["objective_psnr_null"].notna()
    return df["dataset_name"][lossy].unique().tolist() or [NONE]


class Plot(BasePlot):
    """What the prior filled in against what the measurement saw, in dB.

    The error is split into the row space of A, which is measured, and the null space,
    which only a prior can fill. The pseudo-inverse fills in nothing. A solver below it
    invents what is not there.
    """

    name = "range_null"
    type = "scatter"
    options = {"dataset": with_null_space}

    def plot(self, df, dataset):
        found = mean_points(last_rows(df, dataset), "psnr_range", "psnr_null")
        style = styles(df["solver_name"].unique())
        names = labels(found, origin=False)
        return [
            {
                "x": [seen],
                "y": [unseen],
                **style[solver],
                "size": 14,
                "name": names[solver],
                "hover": f"range {seen:.2f} dB, null space {unseen:.2f} dB",
            }
            for solver, (seen, unseen) in found.items()
        ]

    def get_metadata(self, df, dataset):
        found = mean_points(last_rows(df, dataset), "psnr_range", "psnr_null")
        seen = inside({solver: point[0] for solver, point in found.items()})
        near = inside({solver: found[solver][1] for solver in seen})
        lost = left_out(found.keys() - near, labels(df["solver_name"].unique()))
        return {
            "title": heading(
                dataset,
                df["dataset_name"].unique(),
                TO_RUN
                if dataset == NONE
                else "upper right is better; below the pseudo-inverse, which fills in "
                "nothing, a prior invents",
                lost,
            ),
            "xrange": around([found[solver][0] for solver in near]),
            "yrange": around([found[solver][1] for solver in near]),
            "xlabel": "PSNR in the row space: what is measured [dB]",
            "ylabel": "PSNR in the null space: what the prior fills in [dB]",
            "scale": "linear",
        }
