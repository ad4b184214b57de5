"""How well does a diagonal-circulant operator approximate A^T A?

Fits it to parallel and to cone beams on white images, and prints relative errors before and
after the fit, on white images and on phantoms that the fit has not seen.
"""

import torch
from torch.nn.functional import avg_pool2d

from ..physics.catalogue import OPERATORS
from ..physics.local_normal import DiagonalCirculant
from ..problems.phantoms import ellipses
from ..problems.volumes import ellipsoids
from ..support.text import markdown_table
from . import study_parser

WEIGHTS = ()
PHANTOMS = 3


def parallel():
    """Parallel beams: the operator, phantoms, and the settings of the fit."""
    physics = OPERATORS["tomography"]((1, 64, 64), None, angles=30)
    phantoms = [avg_pool2d(ellipses(seed), 2) for seed in range(PHANTOMS)]
    return physics, phantoms, {"samples": 3000, "lr": 0.01}


def cone():
    """Cone beams, as `parallel`."""
    physics = OPERATORS["cone_beam"]((1, 32, 32, 32), None, views=30)
    phantoms = [ellipsoids(seed, 32) for seed in range(PHANTOMS)]
    return physics, phantoms, {"samples": 600, "lr": 0.01}


CASES = {"parallel beams, 64^2, 30 angles": parallel, "cone beam, 32^3, 30 views": cone}


def errors(physics, phantoms, settings):
    """Errors before and after a fit, on white images and on phantoms, as texts."""
    normal = DiagonalCirculant(physics, phantoms[0].shape)
    white = torch.randn(
        8, *phantoms[0].shape[1:], generator=torch.Generator().manual_seed(1)
    )
    found = []
    for fitted in (False, True):
        if fitted:
            normal.fit(**settings)
        on_phantoms = [normal.error(x) for x in phantoms]
        found.append(f"{normal.error(white):.2f}")
        found.append(f"{min(on_phantoms):.3f} to {max(on_phantoms):.3f}")
    return found


def main(arguments):
    """Print the table."""
    study_parser("normal_operators", __doc__).parse_args(arguments)
    rows = []
    for name, case in CASES.items():
        physics, phantoms, settings = case()
        rows.append([name, settings["samples"], *errors(physics, phantoms, settings)])
    header = ["operator", "white images", "start: white", "start: phantoms"]
    print(markdown_table([*header, "fit: white", "fit: phantoms"], rows))
