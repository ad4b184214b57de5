"""How much faster does RAM train than with deepinv's class?

One step of each network runs by turns in one process: the reconstruction of 16 patches of
64x64 pixels, its L1 error, the gradient and Adam. All networks have the widths and blocks of
the compact RAM. The first row is deepinv's class. The second and third have the same weights
on this suite's operators, and the last is the architecture of the bundled `ram`, with fewer
embeddings. `faster` is the median of the ratios to the first row.
"""

import deepinv as dinv
import pandas as pd
import torch
from deepinv.models.ram import (
    BaseEncBlock,
    InHead,
    OutTail,
    downsample_strideconv,
    upsample_convtranspose,
)

from ..networks.drunet import BLOCKS, WIDTHS
from ..networks.precision import in_fast_layout
from ..networks.ram import CHANNELS, RAM, PublishedRAM
from ..problems.images import open_images, patches
from ..problems.problem import Problem
from ..report.tables import formatted
from ..solving import settings
from . import study_parser
from .by_turns import compared
from .side_by_side import BLUR

# No bundled weights are behind the table.
WEIGHTS = ()
SIDE, BATCH, PAIRS = 64, 16, 5
LR = 1e-4


def their_compact_ram():
    """deepinv's RAM with the widths and blocks of the compact one, random weights."""
    channels = list(CHANNELS)
    model = dinv.models.RAM(in_channels=channels, pretrained=False)

    def stage(scale):
        width, factor = WIDTHS[scale], 2**scale
        options = {"img_channels": channels, "decode_upscale": factor}
        return BaseEncBlock(width, width, nb=BLOCKS, **options)

    model.m_head = InHead([c + 2 for c in channels], WIDTHS[0])
    model.m_tail = OutTail(WIDTHS[0], channels)
    model.m_body = stage(3)
    for scale in range(3):
        narrow, wide = WIDTHS[scale : scale + 2]
        down = downsample_strideconv(narrow, wide, bias=False, mode="2")
        up = upsample_convtranspose(wide, narrow, bias=False, mode="2")
        setattr(model, f"m_down{scale + 1}", stage(scale))
        setattr(model, f"m_up{scale + 1}", stage(scale))
        setattr(model, f"pool{scale + 1}", down)
        setattr(model, f"up{scale + 1}", up)
    return model


def batch(side, count):
    """Patches, their operator and their measurements."""
    images = open_images("bundled")
    found = Problem(patches(images, side, -(-count // len(images))), BLUR)
    seen = [found.judged(index) for index in range(count)]
    x = torch.cat([truth for truth, _ in seen])
    y = torch.cat([observation.y for _, observation in seen])
    device = settings.device()
    return x.to(device), y.to(device), seen[0][1].to(device).physics


def step(network, x, y, physics, bfloat16=False):
    """One step of training as a callable () -> loss."""
    network = network.to(settings.device()).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=LR)

    def run():
        with torch.autocast(y.device.type, torch.bfloat16, enabled=bfloat16):
            estimate = network(y, physics)
        loss = (estimate.float() - x).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss

    return run


def rows(side=SIDE, count=BATCH, pairs=PAIRS):
    """{network: {column: value}}."""
    x, y, physics = batch(side, count)
    torch.manual_seed(0)
    theirs = their_compact_ram()

    def same():
        network = PublishedRAM(widths=WIDTHS, blocks=BLOCKS)
        network.start_from_checkpoint(theirs.state_dict())
        return in_fast_layout(network)

    light = in_fast_layout(RAM(light=True))
    steps = {
        "deepinv's RAM": step(theirs, x, y, physics),
        "the same on our operators": step(same(), x, y, physics),
        "the same in bfloat16": step(same(), x, y, physics, bfloat16=True),
        "the bundled architecture in bfloat16": step(light, x, y, physics, True),
    }
    found = compared(list(steps.values()), settings.device(), pairs)
    return {
        name: {"first loss": loss.item(), "seconds": seconds, "faster": ratio}
        for name, loss, seconds, ratio in zip(steps, *found, strict=True)
    }


def main(arguments):
    """Print the table."""
    parser = study_parser("training_step", __doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="timed steps of each")
    chosen = parser.parse_args(arguments)
    frame = pd.DataFrame(rows(pairs=chosen.pairs)).T
    print("\n" + formatted(frame, "markdown", 4, label="network"))
