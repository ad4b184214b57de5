"""Where do restoration networks lead that are applied again and again?

Applies each bundled restoration model to a photograph again and again. The network R is
applied alone, and after its degradation D, as in FiRe (Terris, Kamilov and Moreau, CVPR
2025). Each D is drawn anew. Prints the distances to the photograph and writes one page.
"""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import torch
from plotly.subplots import make_subplots
from tqdm import tqdm

from ..methods.restoration_models import BUNDLED, restoration_models
from ..problems.images import open_images
from ..problems.reading import central_crop
from . import study_parser
from .page import picture, table, write_page

# Bundled weights behind the tables.
WEIGHTS = ("drunet", "jpeg", "ram")
TITLE = "Fixed points of restoration networks"
KINDS = ("R alone", "R after D")
SHOWN = (0, 1, 3, 10, 20, 35, 50)  # pictures of a row
LISTED = (1, 10, 25, 50)  # columns of the table
SETTLED = 1.1  # largest growth of the distance in the second half that counts as none
# Models that are conditioned on measurements have no degradation of their own.
RESTORERS = [name for name in BUNDLED if name != "measurements"]
COLOURS = ("#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377")


class Placer:
    """The part of a solver that `restoration_models` needs."""

    name = "fixed_points"
    place = staticmethod(torch.nn.Module.eval)


def distance(x, start):
    """Root mean square difference, in the images' range of [0, 1]."""
    return float((x - start).square().mean().sqrt())


def trajectory(step, x, iterations, label):
    """The iterates of a random `step` from x, with x first: iterations + 1 images."""
    torch.manual_seed(0)
    images = [x]
    for _ in tqdm(range(iterations), desc=label, mininterval=5):
        images.append(step(images[-1]))
    return images


def follow(name, x, iterations):
    """The trajectories of one restoration model: {kind: images}.

    R alone is left out where D changes the size of the image.
    """
    example = SimpleNamespace(shape=x.shape, complex=False)
    (model,) = restoration_models(name, "bundled", example, Placer)
    steps = {"R alone": model.alone, "R after D": model}
    if model.draw(x)(x).shape != x.shape:
        del steps["R alone"]
    return {
        kind: trajectory(step, x, iterations, f"{name}, {kind}")
        for kind, step in steps.items()
    }


def growth(distances):
    """The last distance, divided by the one at the start of the second half."""
    return distances[-1] / distances[len(distances) // 2]


def judge(rows):
    """Whether R alone drifts and R after D settles, in plain sentences.

    Parameters
    ----------
    rows : dict
        {restorer: {kind: distances}}.
    """
    both = {name: row for name, row in rows.items() if len(row) == len(KINDS)}
    alone, after = (
        {name: row[kind] for name, row in rows.items() if kind in row} for kind in KINDS
    )
    drifting = [name for name, values in alone.items() if growth(values) > SETTLED]
    settled = [name for name, values in after.items() if growth(values) <= SETTLED]
    farther = [
        name for name, row in both.items() if row[KINDS[0]][-1] > row[KINDS[1]][-1]
    ]
    found = len(drifting) == len(alone) and len(settled) == len(after)
    return (
        f"The finding of FiRe's slides {'appears' if found else 'appears in part' if farther else 'does not appear'}: "
        f"R alone drifts with {listed(drifting, alone)}, R after D settles with "
        f"{listed(settled, after)} (settled: the distance grows by less than "
        f"{SETTLED - 1:.0%} in the second half of the iterations). R alone ends farther "
        f"from the photograph than R after D with {listed(farther, both)}."
    )


def listed(names, everything):
    """How many of all names the list has, and which, in words."""
    if not names:
        return f"none of {len(everything)}"
    if len(names) == len(everything):
        return f"all {len(everything)}"
    return f"{len(names)} of {len(everything)} ({', '.join(names)})"


def curves(rows):
    """Distances against iterations, one line per restorer, one plot per kind."""
    figure = make_subplots(1, len(KINDS), subplot_titles=KINDS)
    for (name, row), colour in zip(rows.items(), COLOURS, strict=True):
        for kind, distances in row.items():
            figure.add_scatter(
                x=list(range(1, len(distances))),
                y=distances[1:],
                name=name,
                legendgroup=name,
                showlegend=kind == KINDS[1],
                line={"color": colour},
                row=1,
                col=1 + KINDS.index(kind),
            )
    figure.update_xaxes(title_text="iterations")
    figure.update_yaxes(type="log", exponentformat="power")
    figure.update_yaxes(title_text="distance to the photograph", col=1)
    return figure.update_layout(height=480, template="plotly_white")


def pictures(found, rows):
    """One row of pictures per restorer and kind."""
    lines = []
    for name, kinds in found.items():
        for kind, images in kinds.items():
            figures = "".join(
                picture(images[k], f"{k}: {rows[name][kind][k]:.3g}")
                for k in SHOWN
                if k < len(images)
            )
            lines.append(f'<h3>{name}, {kind}</h3><div class="row">{figures}</div>')
    return "\n".join(lines)


def listed_iterations(last):
    """The iterations that are columns of the table, with the last one."""
    return [k for k in LISTED if k < last] + [last]


def report(path, found):
    """Write the page, and return its verdict and its table as a text."""
    rows = {
        name: {
            kind: [distance(x, images[0]) for x in images]
            for kind, images in kinds.items()
        }
        for name, kinds in found.items()
    }
    frame = pd.DataFrame(
        {
            f"{name}, {kind}": {
                str(k): values[k] for k in listed_iterations(len(values) - 1)
            }
            for name, row in rows.items()
            for kind, values in row.items()
        }
    ).T
    verdict = judge(rows)
    write_page(
        path,
        TITLE,
        [
            (
                "How far do restorers go from a photograph?",
                "Each network R is applied to a photograph again and again, alone or "
                "after its degradation D, which is drawn anew each time. The distance is "
                "the root mean square difference to the photograph, whose range is [0, "
                f"1]. {verdict} Down-sampling has no R alone: its D changes the size.",
                curves(rows),
                table(frame.map("{:.3g}".format), 3),
            ),
            (
                "What do they make of it?",
                "Number of iterations: distance.",
                pictures(found, rows),
            ),
        ],
    )
    # Distances may grow without bound, so they have significant digits.
    listing = frame.to_string(float_format="{:.3g}".format)
    return f"{verdict}\n\nDistance after so many iterations:\n{listing}"


def main(arguments):
    parser = study_parser("fixed_points", __doc__)
    parser.add_argument("--folder", type=Path, default=Path("study_runs/fixed_points"))
    parser.add_argument("--iterations", type=int, default=50)
    parser.add_argument("--image", default="astronaut", help="a bundled picture")
    parser.add_argument("--crop", type=int, default=128)
    chosen = parser.parse_args(arguments)
    images = open_images("bundled")
    if chosen.image not in images.names:
        parser.error(
            f"--image is one of {', '.join(images.names)}, not {chosen.image}."
        )
    _, x = images[images.names.index(chosen.image)]
    x = central_crop(x, chosen.crop)
    with torch.no_grad():
        found = {name: follow(name, x, chosen.iterations) for name in RESTORERS}
    chosen.folder.mkdir(parents=True, exist_ok=True)
    path = chosen.folder / "fixed_points.html"
    print(report(path, found))
    print(f"\nThe page: {path}")
