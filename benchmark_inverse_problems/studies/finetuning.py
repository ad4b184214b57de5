"""What does RAM gain from a fit to measurements alone?

RAM is fitted to N measurements without their truth, by the solver `ram_finetuned` with its
default settings, on problems that it never learned. The measurements are of random parts of
the tuning pictures, 64x64 pixels. The score is that of parts of the scored pictures, which
no fit sees: with N = 1 each of them has a fit of its own. N = 0 is the network as it is.

A second table and the page follow fits to one measurement to their end, without the early
stop: the loss, the error on what is held out, and the PSNR, which no fit sees. `kept` is
the step that the early stop returns. The fits are kept in the study's folder, so an
interrupted study goes on where it stopped.
"""

from functools import partial
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from tqdm import tqdm

from ..judge.case import Case
from ..judge.metering import timed
from ..methods.finetuning import LR, STEPS, fine_tune
from ..networks.ram import load_ram
from ..networks.weights import checksum
from ..problems.images import open_images, patches
from ..problems.problem import Problem, Task
from ..report.published import RAM_FINETUNING, RAM_FINETUNING_SOURCE
from ..report.tables import formatted
from ..solving import settings
from . import study_parser
from .page import table, write_page
from .resumable import Pieces

# Bundled weights behind the tables.
WEIGHTS = ("ram",)
SIDE = 64
COUNTS = (1, 10, 100)
# Parts of each of the scored pictures.
SCORED = 2
TASKS = {
    "demosaic": Task("demosaicing", sigma=0.05),
    "compressed_sensing": Task("compressed_sensing", {"ratio": 0.25}, sigma=0.05),
}
# Problems whose fits are followed.
FOLLOWED = {"noise 0.5": Task("denoising", sigma=0.5)} | TASKS
LONG = 400
ENDLESS = 10**9


def parts(name, each, task):
    """Random parts of the pictures of a set, measured."""
    return Problem(patches(open_images(name), SIDE, each), task)


def unfitted():
    """RAM as it is, on the suite's device."""
    return load_ram("bundled", "full", "ram").eval().to(settings.device())


def psnr(restore, problem, index):
    """PSNR of one image."""
    x, observation = problem.judged(index)
    seen = observation.to(settings.device())
    with torch.no_grad():
        x_hat = restore(seen.y, seen.physics)
    return Case(x_hat.cpu(), x, observation).psnr()


def measurements(problem, indices):
    """The measurements of some images, (y, physics)."""
    device = settings.device()
    observations = (problem.observe(index).to(device) for index in indices)
    return [(o.y, o.physics) for o in observations]


def timed_fit(pairs, seed):
    """A fitted copy of RAM, and the seconds that the fit took."""
    fit = partial(fine_tune, unfitted(), pairs, steps=STEPS, lr=LR, seed=seed)
    (fitted, _), seconds = timed(fit, settings.device())
    return fitted, seconds.wall


def as_it_is(task):
    """PSNR of the scored parts without a fit."""
    scored = parts("bundled", SCORED, TASKS[task])
    network = unfitted()
    return [psnr(network, scored, index) for index in range(len(scored))]


def own_fit(task, index):
    """(PSNR, seconds) of one scored part with a fit of its own."""
    scored = parts("bundled", SCORED, TASKS[task])
    torch.manual_seed(index)
    fitted, seconds = timed_fit(measurements(scored, [index]), index)
    return psnr(fitted, scored, index), seconds


def common_fit(task, count):
    """(PSNR, seconds) of the scored parts with one fit to `count` other measurements."""
    scored = parts("bundled", SCORED, TASKS[task])
    tuning = parts("tuning", -(-count // len(open_images("tuning"))), TASKS[task])
    torch.manual_seed(0)
    fitted, seconds = timed_fit(measurements(tuning, range(count)), 0)
    return [psnr(fitted, scored, index) for index in range(len(scored))], seconds


def gains(pieces):
    """The table: PSNR and seconds by problem and N, beside the published ones."""
    rows = {}
    for task in TASKS:
        scores = {0: (pieces(f"{task}_0", as_it_is, task), 0.0)}
        each = [
            pieces(f"{task}_1_{index}", own_fit, task, index)
            for index in tqdm(range(len(scores[0][0])), desc=f"{task}, N = 1")
        ]
        values, seconds = zip(*each, strict=True)
        scores[1] = values, sum(seconds) / len(seconds)
        for count in COUNTS[1:]:
            scores[count] = pieces(f"{task}_{count}", common_fit, task, count)
        for count, (values, seconds) in scores.items():
            theirs, duration = RAM_FINETUNING[task][count]
            rows[f"{task}, N = {count}"] = {
                "PSNR": sum(values) / len(values),
                "seconds": seconds,
                "PSNR (published)": theirs,
                "seconds (published)": duration,
            }
    return pd.DataFrame(rows).T


def followed(task):
    """Steps, losses, errors on what is held out and PSNR of one long fit."""
    problem = parts("tuning", 1, FOLLOWED[task])
    network = unfitted()
    found = {"step": [], "loss": [], "psnr": []}

    def watch(step, restore, loss):
        found["step"].append(step)
        found["loss"].append(loss)
        found["psnr"].append(psnr(restore, problem, 0))

    torch.manual_seed(0)
    options = {"steps": LONG, "lr": LR, "patience": ENDLESS, "watch": watch}
    _, curve = fine_tune(network, measurements(problem, [0]), **options)
    return found | {"held out": [error for _, error in curve]}


def ends(curves):
    """The table of the fits that are followed."""
    rows = {}
    for task, found in curves.items():
        scores = pd.Series(found["psnr"], found["step"])
        kept = pd.Series(found["held out"], found["step"]).idxmin()
        rows[task] = {
            "before": scores.iloc[0],
            "best": scores.max(),
            "at step": scores.idxmax(),
            "kept": scores[kept],
            "kept at step": kept,
            f"after {LONG} steps": scores.iloc[-1],
        }
    return pd.DataFrame(rows).T


def figure(task, found):
    """Loss, held-out error and PSNR against the step."""
    plot = make_subplots(1, 3, subplot_titles=("loss", "held out", "PSNR [dB]"))
    for column, key in enumerate(("loss", "held out", "psnr"), 1):
        first = 1 if key == "loss" else 0  # no step is before the first check
        plot.add_trace(
            go.Scatter(x=found["step"][first:], y=found[key][first:], name=key),
            *(1, column),
        )
    return plot.update_layout(
        title=task, height=350, template="plotly_white", showlegend=False
    )


def main(arguments):
    """Print the tables and write a page with the curves."""
    parser = study_parser("finetuning", __doc__)
    parser.add_argument("--folder", type=Path, default=Path("study_runs/finetuning"))
    chosen = parser.parse_args(arguments)
    fixed = [SIDE, SCORED, STEPS, LR, LONG, *map(checksum, WEIGHTS)]
    pieces = Pieces(chosen.folder, *fixed)
    frame = gains(pieces)
    print(formatted(frame, "markdown", 2, label="fitted to"))
    print(f"\n(published): {RAM_FINETUNING_SOURCE}, with other images.")
    follow = partial(tqdm, desc="long fits")
    curves = {task: pieces(f"long_{task}", followed, task) for task in follow(FOLLOWED)}
    frames = ends(curves)
    print("\n" + formatted(frames, "markdown", 2, label="one measurement"))
    question, _, text = __doc__.partition("\n")
    page = chosen.folder / "finetuning.html"
    plots = [figure(task, found) for task, found in curves.items()]
    write_page(
        page,
        question,
        [
            ("Gains", text.strip(), table(frame, 2)),
            ("Fits to one measurement", "", table(frames, 2), *plots),
        ],
    )
    print(f"\nCurves: {page}")
