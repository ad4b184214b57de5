"""Does bfloat16 change a score?

Runs ``configs/precision.yml`` (cells in benchopt's cache are not computed again) and
prints the PSNR in bfloat16 minus that in float32, of each solver on each problem.
``python -m benchmark_inverse_problems costs`` prints how much faster bfloat16 is.
"""

from ..report.names import stems
from ..report.rows import ALL, last_rows
from ..report.tables import formatted
from ..suite import BENCHMARK, configured, results_of
from . import study_parser

# Bundled weights behind the tables.
WEIGHTS = (
    "drunet",
    "jpeg",
    "ram",
    "unrolled_hqs_tied",
    "pdnet",
    "artifact_removal",
    "rim",
)
CONFIG = BENCHMARK / "configs" / "precision.yml"
# Largest change that the suite promises, in dB.
TOLERANCE = 0.02


def differences(df):
    """PSNR in bfloat16 minus that in float32, by problem (row) and solver (column)."""
    df = df.assign(solver=stems(df["solver_name"]))
    keys = ["dataset_name", "solver", "p_solver_precision"]
    psnr = df.groupby(keys, sort=False)["objective_psnr"].mean().unstack()
    return (psnr["bfloat16"] - psnr["float32"]).unstack("solver", sort=False)


def verdict(table):
    """How many of the differences are small, and the largest one."""
    size = table.abs().stack().dropna()
    problem, solver = size.idxmax()
    return (
        f"{(size <= TOLERANCE).sum()} of {len(size)} change by at most {TOLERANCE} dB; "
        f"the most is {size.max():.3f} dB ({solver} on {problem})."
    )


def main(arguments):
    """Print the table and its verdict."""
    study_parser("precision", __doc__).parse_args(arguments)
    df = results_of(*configured(CONFIG))
    table = differences(last_rows(df, ALL))
    print("\n" + formatted(table, "markdown", 3, label="problem"))
    print("\n" + verdict(table))
