"""Unrolled optimisation: a few iterations with a learned denoiser, trained end to end."""

import math

import torch
from torch import nn

from ..support.checks import check_known
from .complex_images import by_parts
from .drunet import BLOCKS, WIDTHS, MultiHeadDRUNet
from .reconstructor import LearnedReconstructor, per_image

CHANNELS = (1, 2, 3)
ALGORITHMS = ("hqs", "pgd")
ITERATIONS = 8
# Widths of the denoisers of untied networks, which have one denoiser per iteration.
NARROW = (16, 16, 32, 32)
# Training starts from the schedule of DPIR: its first level, for images in [0, 1], and
# its weight of the prior.
FIRST_LEVEL = 49 / 255
LAMBDA = 0.23


class Unrolled(LearnedReconstructor):
    """Half-quadratic splitting or proximal gradient descent with learned parts.

    From x = f^2 A^T y, for k = 1 ... `iterations`:

        hqs:  x <- argmin_u |A u - y|^2 + lambda_k (sigma / s_k)^2 |u - x|^2
        pgd:  x <- x - eta_k A^T (A x - y)              (A at unit norm)
        both: x <- D_k(x, s_k)

    sigma is the noise level. The denoisers D_k are one network (tied) or one network
    per iteration. The levels s_k are those of DPIR (Zhang et al., TPAMI 2021), times
    learned factors. DPIR's levels are log-spaced from 49/255 of the brightness to
    sigma. lambda_k and eta_k are learned. The hqs networks are the unrolled DPIR of
    Terris et al., 2025. Unrolling was introduced by Gregor and LeCun, ICML 2010, and
    Aggarwal et al., TMI 2019. The parts of complex images are denoised as gray images.

    Parameters
    ----------
    algorithm : {"hqs", "pgd"}
    tied : bool
        Whether all iterations share one denoiser. Otherwise each has a narrow one.
    iterations : int
    widths : tuple of 4 int or None
        Features of the denoisers. None: those of the bundled denoiser if tied, else
        `NARROW`.
    blocks : int
        Residual blocks per stage of a tied denoiser. Narrow denoisers have one.

    Raises
    ------
    ValueError
        If the algorithm is not known.
    """

    # Few are enough: they start from the estimate, and training includes their error.
    cg_iterations = 10

    def __init__(
        self,
        algorithm="hqs",
        tied=True,
        iterations=ITERATIONS,
        widths=None,
        blocks=BLOCKS,
    ):
        super().__init__(CHANNELS)
        check_known("algorithm", algorithm, ALGORITHMS)
        self.algorithm = algorithm
        self.iterations = iterations
        widths = widths or (WIDTHS if tied else NARROW)
        self.denoisers = nn.ModuleList(
            MultiHeadDRUNet(widths=widths, blocks=blocks if tied else 1)
            for _ in range(1 if tied else iterations)
        )
        self.log_levels = nn.Parameter(torch.zeros(iterations))
        first = math.log(LAMBDA) if algorithm == "hqs" else 0.0
        self.log_steps = nn.Parameter(torch.full((iterations,), first))

    def start_from_denoiser(self, weights):
        """Copy the weights of a `MultiHeadDRUNet` of the same sizes into the denoisers.

        Parameters
        ----------
        weights : dict of str to tensor
            The denoiser's state dict.
        """
        for denoiser in self.denoisers:
            denoiser.load_state_dict(weights)

    def solve(self, problems):
        """See `LearnedReconstructor`. The images of all problems have one size."""
        x = torch.cat([problem.adjoint for problem in problems])
        sigma = torch.cat([problem.noise for problem in problems])
        sizes = [len(problem) for problem in problems]
        # The levels are relative to the image's brightness: scaling y scales them.
        peak = x.abs().flatten(1).amax(1).clamp_min(torch.finfo(x.dtype).tiny)
        first = FIRST_LEVEL * peak
        for k in range(self.iterations):
            ratio = k / max(1, self.iterations - 1)
            level = first.maximum(sigma) ** (1 - ratio) * sigma**ratio
            level = level * self.log_levels[k].exp()
            parts = zip(
                problems, x.float().split(sizes), level.split(sizes), strict=True
            )
            x = torch.cat([self.data_step(k, *part) for part in parts])
            x = x.contiguous(memory_format=torch.channels_last)
            denoiser = self.denoisers[min(k, len(self.denoisers) - 1)]
            x = self.denoise(denoiser, x, level, peak)
        return x

    def denoise(self, denoiser, x, level, peak):
        """Denoise once. Images for which the denoiser has no head go part by part."""
        if x.shape[1] in denoiser.channels:
            return denoiser(x, level)
        return by_parts(x, lambda part: denoiser(part, level / (2 * peak)), peak)

    def data_step(self, k, problem, x, level):
        """The step of iteration k towards the measurements of one problem."""
        with torch.autocast(x.device.type, enabled=False):
            step = self.log_steps[k].exp()
            if self.algorithm == "hqs":
                tiny = torch.finfo(x.dtype).tiny
                noise = problem.noise.clamp_min(tiny)
                gamma = (level / noise).square() / step
                return problem.operators.prox(x, problem.y, per_image(gamma))
            return x - step * (problem.operators.gram(x) - problem.adjoint)


def weights_name(algorithm, tied):
    """Stem of the bundled weights of a kind of network."""
    return f"unrolled_{algorithm}_{'tied' if tied else 'untied'}"
