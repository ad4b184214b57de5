"""Learned primal-dual reconstruction."""

import torch
from torch import nn

from .reconstructor import LearnedReconstructor, per_image

CHANNELS = (1, 2, 3)
ITERATIONS = 10
MEMORY = 5
WIDTH = 32
# Of the start: how far, relative to the brightness, it may leave the adjoint where the
# measurements do not hold it back.
START_LEVEL = 0.1


class UpdateBlock(nn.Module):
    """x + three convolutions of x and what else is given, 3x3 with PReLU.

    The first and last convolutions exist once per channel count.

    Parameters
    ----------
    channels : tuple of int
    extra : int
        Images of that many channels given besides the memory.
    """

    def __init__(self, channels, extra, memory=MEMORY, width=WIDTH):
        super().__init__()
        self.channels = channels
        self.first = nn.ModuleList(
            nn.Conv2d(c * (memory + extra) + 1, width, 3, padding=1) for c in channels
        )
        self.body = nn.Sequential(
            nn.PReLU(width), nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width)
        )
        self.last = nn.ModuleList(
            nn.Conv2d(width, c * memory, 3, padding=1) for c in channels
        )
        # Every iteration starts as the identity's neighbourhood.
        for last in self.last:
            nn.init.normal_(last.weight, std=1e-2)
            nn.init.zeros_(last.bias)

    def forward(self, memory, *others, channels):
        head = self.channels.index(channels)
        features = self.first[head](torch.cat((memory, *others), 1))
        return memory + self.last[head](self.body(features))


class PDNet(LearnedReconstructor):
    """Learned primal-dual: networks in the image's and in the measurements' space.

    Adler and Oktem, "Learned Primal-Dual Reconstruction", IEEE TMI 2018: untied
    iterations, each a small network that updates a dual variable from (u, A x, y) and
    one that updates the primal variable from (x, A^T u). Both keep `MEMORY` images, of
    which the second feeds A and the first A^T. As one network serves all noise levels,
    each block also sees the noise level as a map. A is used at unit norm; for down-
    sampling by f the measurements then have f times their range.

    The primal variable starts, with z = f^2 A^T y, from

        argmin_u |A u - y|^2 + (sigma / s)^2 |u - z|^2,  s = START_LEVEL max |z|

    where the paper has zero: ten small networks do not get far from z, which for
    tomography is 15 dB below this start.

    Parameters
    ----------
    channels : tuple of int
    iterations : int
    """

    cg_iterations = 10

    def __init__(self, channels=CHANNELS, iterations=ITERATIONS):
        super().__init__(channels)
        self.dual = nn.ModuleList(UpdateBlock(channels, 2) for _ in range(iterations))
        self.primal = nn.ModuleList(UpdateBlock(channels, 1) for _ in range(iterations))

    def start(self, problem):
        """The primal variable that the iterations start from."""
        with torch.autocast(problem.y.device.type, enabled=False):
            peak = problem.adjoint.abs().flatten(1).amax(1)
            tiny = torch.finfo(peak.dtype).tiny
            gamma = (START_LEVEL * peak / problem.noise.clamp_min(tiny)).square()
            gamma = per_image(gamma.clamp_min(1e-8))
            return problem.operators.prox(problem.adjoint, problem.y, gamma)

    def solve(self, problems):
        """See `LearnedReconstructor`; measurements differ in shape, so one by one."""
        return torch.cat([self.solve_one(problem) for problem in problems])

    def solve_one(self, problem):
        """The iterations on one prepared problem."""
        operators, factor = problem.operators, problem.operators.weight**0.5
        channels = problem.adjoint.shape[1]
        y = factor * problem.y
        start = self.start(problem)
        # Divided by the brightness, the network sees images of one range.
        scale = per_image(problem.adjoint.abs().flatten(1).amax(1))
        scale = scale.clamp_min(torch.finfo(y.dtype).tiny)
        y, start = y / scale, start / scale
        level = per_image(problem.noise) / scale
        x, u = (
            start.repeat(1, MEMORY, 1, 1),
            torch.zeros_like(y).repeat(1, MEMORY, 1, 1),
        )
        maps = [level.expand(-1, 1, *image.shape[2:]) for image in (y, start)]

        def apply(operator, images, k):
            with torch.autocast(images.device.type, enabled=False):
                image = images[:, k * channels : (k + 1) * channels].float()
                return factor * operator(image)

        for dual, primal in zip(self.dual, self.primal, strict=True):
            image = apply(operators.forward, x, 1)
            u = dual(u, image, y, maps[0], channels=channels)
            image = apply(operators.adjoint, u, 0)
            x = primal(x, image, maps[1], channels=channels)
        return scale * x[:, channels : 2 * channels].float()
