"""What does a recurrent network gain from its state, and from its estimate?

Runs ``configs/rim_projections.yml`` (cells in benchopt's cache are not computed again)
and prints the PSNR of the recurrent inference machine and of its two reductions after
some steps. The last steps are beyond those of the training. The figures are those of
figure 2 of Putzky and Welling, 2017.
"""

from ..networks.rim import STEPS
from ..report.tables import formatted
from ..suite import BENCHMARK, configured, results_of
from . import study_parser

# Bundled weights behind the tables.
WEIGHTS = ("rim_projections", "gdn_projections", "ffn_projections")
CONFIG = BENCHMARK / "configs" / "rim_projections.yml"


def curves(df):
    """PSNR, means over the images, by problem and variant (rows) and step (columns).

    Other solvers, which have no variant, are left out.
    """
    ratio = df["p_dataset_ratio"].astype(str)
    df = df.assign(
        variant=df["p_solver_variant"],
        problem=df["p_dataset_ensemble"] + ", p = " + ratio,
    )
    keys = ["problem", "variant", "objective_iterations"]
    return df.groupby(keys, sort=False)["objective_psnr"].mean().unstack()


def verdict(mean):
    """One line per variant: mean PSNR after the trained steps, at its best, at the end.

    Parameters
    ----------
    mean : DataFrame
        Mean of `curves` over the problems, one row per variant.
    """
    for variant, curve in mean.iterrows():
        yield (
            f"{variant}: {curve[STEPS]:.2f} dB after the {STEPS} trained steps, "
            f"at best {curve.max():.2f} dB after {curve.idxmax()}, "
            f"{curve.iloc[-1]:.2f} dB after {curve.index[-1]}."
        )


def main(arguments):
    """Print the tables."""
    study_parser("recurrence", __doc__).parse_args(arguments)
    df = results_of(*configured(CONFIG))
    table = curves(df)
    mean = table.groupby("variant", sort=False).mean()
    for rows, label in ((table, "steps"), (mean, "mean over the problems, steps")):
        print("\n" + formatted(rows.rename(columns=str), "markdown", 2, label=label))
    print("\n" + "\n".join(verdict(mean)))
