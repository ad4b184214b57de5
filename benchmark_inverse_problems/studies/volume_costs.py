"""What does a training step cost that sees whole volumes, and one that sees patches?

Prints the peak memory and the time of one step of `Unrolled3D`, forward and backward, for
multi-coil MRI: on whole volumes, and on one patch with several normal operators. The parts
of a step on whole volumes stand beside. The peak is the growth over what was there before:
volume, coils and measurements do not count. The time is the processor's; on a GPU it is
the wall time.
"""

from functools import partial

import numpy as np
import torch

from ..judge.metering import measure
from ..networks.precision import in_fast_layout
from ..networks.unrolled_3d import CG_ITERATIONS, Solve, Unrolled3D
from ..physics.catalogue import OPERATORS
from ..physics.local_normal import NORMALS
from ..solving import settings
from ..support.text import markdown_table
from ..training.loop import autocast
from . import study_parser

WEIGHTS = ()
SIDES, PATCH, COILS, ACCELERATION = (64, 96, 128, 160), 32, 4, 8
SIGMA = 0.02


def network_step(network, x, level):
    """The denoiser alone."""
    with autocast(x.device):
        found = network.correction(x.requires_grad_(), level)
    found.float().square().mean().backward()


def data_step(x, normal):
    """The solve of the data step alone."""
    mu = torch.tensor(0.01, device=x.device, requires_grad=True)
    z = Solve.apply(x.requires_grad_(), mu, torch.zeros_like(x), normal, CG_ITERATIONS)
    z.square().mean().backward()


def unrolled_step(network, x, normal):
    """All iterations, on a whole volume or on a patch."""
    with torch.no_grad():
        back = normal(x)
    with autocast(x.device):
        found = network(back, normal, SIGMA)
    (found - x).square().mean().backward()


def setting(side):
    """The operator, the network and a volume of a side, on the suite's device."""
    device, shape = settings.device(), (2, side, side, side)
    physics = OPERATORS["multicoil_mri"](
        shape, np.random.RandomState(0), ACCELERATION, COILS
    )
    network = in_fast_layout(Unrolled3D(2)).to(device)
    return physics.to(device), network, torch.rand(1, *shape).to(device)


def measured(step):
    """Seconds and peak memory, in MB, of a training step."""
    device = settings.device()
    step()  # the first one fills caches
    _, seconds, peak = measure(step, device)
    return seconds.cpu if device.type == "cpu" else seconds.wall, peak


def cases(side):
    """{what: step} of volumes of a side."""
    physics, network, x = setting(side)
    whole = NORMALS["exact"](physics, x.shape)
    level = torch.tensor(0.1, device=x.device)
    yield "network, whole volume", partial(network_step, network, x.clone(), level)
    yield "data step, whole volume", partial(data_step, x.clone(), whole)
    yield "unrolled, whole volume", partial(unrolled_step, network, x, whole)
    offset, size = (0, 0, 0), (PATCH,) * 3
    patch = x[..., :PATCH, :PATCH, :PATCH].clone()
    for name, kind in NORMALS.items():
        local = kind(physics, x.shape).restrict(offset, size)
        step = partial(unrolled_step, network, patch, local)
        yield f"unrolled, patch, {name}", step


def main(arguments):
    """Print the table."""
    parser = study_parser("volume_costs", __doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    sides = parser.parse_args(arguments).sides
    memory, seconds = {}, {}
    for side in sides:
        for name, step in cases(side):
            spent, peak = measured(step)
            memory.setdefault(name, []).append(f"{peak:.0f}")
            seconds.setdefault(name, []).append(f"{spent:.3f}")
    for title, table in (("peak [MB]", memory), ("time [s]", seconds)):
        header = [title, *(f"{side}^3" for side in sides)]
        rows = [[name, *values] for name, values in table.items()]
        print("\n" + markdown_table(header, rows, numbers=True))
