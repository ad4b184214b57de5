"""Which restorers should FiRe's prior join?

Runs ``configs/ensembles.yml``, or with ``--designs`` the iterations of ``configs/designs.yml``
(cells in benchopt's cache are not computed again), on the development set, and prints PSNR
and how far each variant is from the first of ``fire_hqs``: the mean of the paired differences
with its 95 % interval. ``data_paths`` in config.yml maps
``development`` to a folder of photographs that are neither trained nor tuned on, nor scored.
"""

import pandas as pd

from ..report.comparison import image_scores, mean_interval
from ..report.names import labels, stems
from ..report.rows import ALL, last_rows
from ..report.tables import formatted
from ..suite import BENCHMARK, configured, results_of
from . import study_parser

# Bundled weights behind the tables.
WEIGHTS = ("drunet", "jpeg", "ram")
CONFIGS = {name: BENCHMARK / f"configs/{name}.yml" for name in ("ensembles", "designs")}


def compared(scores, reference):
    """PSNR, and the differences to a solver, as two tables: solvers by problems.

    Parameters
    ----------
    scores : DataFrame
        As `image_scores` returns it.
    reference : str
        The solver to compare with.
    """
    means, differences = {}, {}
    for problem, images in scores.groupby(level="dataset_name", sort=False):
        paired = images.sub(images[reference], axis=0).drop(columns=reference)
        means[problem] = images.mean()
        differences[problem] = paired.apply(
            lambda gains: interval_text(
                gains.mean(), *mean_interval([gains.to_numpy()])
            )
        )
    return pd.DataFrame(means), pd.DataFrame(differences)


def interval_text(mean, low, high):
    """A mean with its interval."""
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"


def main(arguments):
    """Print the tables."""
    options = study_parser("ensembles", __doc__)
    options.add_argument(
        "--designs", action="store_true", help="longer and turned iterations, and dpir"
    )
    designs = options.parse_args(arguments).designs
    problems, solvers = configured(CONFIGS["designs" if designs else "ensembles"])
    df = last_rows(results_of(problems, solvers), ALL)
    scores = image_scores(df, "psnr")
    first = next(s for s in scores if s.startswith("fire_hqs"))
    tables = compared(scores, first)
    names = labels(scores.columns, origin=False)
    titles = ("PSNR", f"to {names[first]} [dB]")
    for table, title in zip(tables, titles, strict=True):
        table = table.rename(index=names).set_axis(
            stems(pd.Series(table.columns)), axis=1
        )
        print("\n" + formatted(table, "markdown", 2, label=title))
