"""Learned primal-dual reconstruction."""

import torch
from torch import nn

from .reconstructor import LearnedReconstructor, per_image

CHANNELS = (1, 2, 3)
ITERATIONS = 10
MEMORY = 5
WIDTH = 32
# How far the start may be from the adjoint where the measurements do not determine it,
# relative to the largest value of the adjoint.
START_LEVEL = 0.1


class UpdateBlock(nn.Module):
    """A residual update of the memory: memory + three 3x3 convolutions with PReLU.

    The convolutions see the memory, the other images and the noise map. The first and
    last convolutions exist once per channel count.

    Parameters
    ----------
    channels : tuple of int
        Channel counts of the images.
    extra : int
        Number of other images.
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
        # Before training every update is close to the identity.
        for last in self.last:
            nn.init.normal_(last.weight, std=1e-2)
            nn.init.zeros_(last.bias)

    def forward(self, memory, *others, channels):
        head = self.channels.index(channels)
        features = self.first[head](torch.cat((memory, *others), 1))
        return memory + self.last[head](self.body(features))


class PDNet(LearnedReconstructor):
    """Learned primal-dual: networks in the image's and in the measurements' space.

    Adler and Oktem, "Learned Primal-Dual Reconstruction", IEEE TMI 2018. Each iteration
    has two small networks of its own. One updates the dual variable u from (u, A x, y),
    the other updates the primal variable x from (x, A^T u). Both variables consist of
    `MEMORY` images. A takes the second image of x, and A^T takes the first image of u.
    Each network also sees the noise level as a map, because one set of weights serves
    all noise levels. A is scaled to unit norm. For down-sampling by f this multiplies
    the measurements by f.

    The primal variable starts, with z = f^2 A^T y, from

        argmin_u |A u - y|^2 + (sigma / s)^2 |u - z|^2,  s = START_LEVEL max |z|

    The paper starts from zero. Ten small networks do not get far from z, which for
    tomography is 15 dB below this start.

    Parameters
    ----------
    channels : tuple of int
        Channel counts of the images.
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
        """See `LearnedReconstructor`.

        Problems are solved one by one, because their measurements differ in shape.
        """
        return torch.cat([self.solve_one(problem) for problem in problems])

    def solve_one(self, problem):
        """Run the iterations on one prepared problem."""
        operators, factor = problem.operators, problem.operators.weight**0.5
        channels = problem.adjoint.shape[1]
        y = factor * problem.y
        start = self.start(problem)
        # Division by the brightness gives all images one range.
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
