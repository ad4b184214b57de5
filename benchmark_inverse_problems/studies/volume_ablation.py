"""What do patches and an approximate A^T A cost in quality, and save in a training step?

Runs ``configs/volume_ablation.yml`` (cells in benchopt's cache are not computed again) and
measures one training step of each case on a volume of 64^3 voxels. The published figures
stand beside ours: R. Vo, J. Tachella, CVPR 2026, with larger volumes and networks. Our
networks are trained with the exact A^T A. The approximate one is fitted to each operator.
"""

from functools import partial

import pandas as pd

from ..physics.local_normal import NORMALS
from ..report.published import VOLUME_ABLATION, VOLUME_ABLATION_SOURCE
from ..report.tables import formatted
from ..suite import BENCHMARK, configured, results_of
from . import study_parser
from .volume_costs import PATCH, measured, setting, unrolled_step

WEIGHTS = ("unrolled_whole_mri", "unrolled_3d_mri")
CONFIG = BENCHMARK / "configs" / "volume_ablation.yml"
SIDE = 64
# {row: (training and inference, A^T A)}.
CASES = {
    "whole volumes": ("whole", "toeplitz"),
    "whole volumes, approximate": ("whole", "approximate"),
    "patches": ("partitioned", "toeplitz"),
    "patches, approximate": ("partitioned", "approximate"),
}


def scores(df):
    """{row: mean PSNR} of the config's results."""
    found = {}
    for name, (how, normal) in CASES.items():
        chosen = (df["p_solver_inference"] == how) & (df["p_solver_normal"] == normal)
        found[name] = df.loc[chosen, "objective_psnr"].mean()
    return found


def steps(side):
    """{row: training step} of a volume of a side."""
    physics, network, x = setting(side)
    for name, (how, normal) in CASES.items():
        length = side if how == "whole" else min(PATCH, side)
        size = (length,) * 3
        local = NORMALS[normal](physics, x.shape).restrict((0, 0, 0), size)
        patch = x[..., :length, :length, :length].clone()
        yield name, partial(unrolled_step, network, patch, local)


def costs(side):
    """{row: (peak in MB, time in s)} of a training step, see `volume_costs`."""
    found = {}
    for name, step in steps(side):
        seconds, peak = measured(step)
        found[name] = (peak, seconds)
    return found


def table(psnr, measured):
    """One row a case, with the published figures beside ours."""
    ours = pd.DataFrame(
        {"PSNR": psnr, "peak [MB]": {}, "s/step": {}}, index=list(CASES)
    )
    for name, (peak, seconds) in measured.items():
        ours.loc[name, ["peak [MB]", "s/step"]] = peak, seconds
    published = pd.DataFrame(
        VOLUME_ABLATION, index=["PSNR", "peak [GB]", "s/step"], columns=list(CASES)
    ).T
    return ours.join(published.add_suffix(" (published)"))


def main(arguments):
    """Print the table."""
    study_parser("volume_ablation", __doc__).parse_args(arguments)
    psnr = scores(results_of(*configured(CONFIG)))
    print("\n" + formatted(table(psnr, costs(SIDE)), "markdown", 2, label="training"))
    print(f"\n(published): {VOLUME_ABLATION_SOURCE}.")
