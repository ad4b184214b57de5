"""Unrolled optimisation of volumes, from normal equations: whole ones or patches."""

import math

import deepinv as dinv
import torch
from torch import nn
from torch.nn.functional import interpolate

from ..support.checks import check_known
from .layers import LAYOUTS
from .weights import load_weights

ITERATIONS = 4
# Features of the compact network, at four scales, and residual blocks a stage.
WIDTHS, BLOCKS = (8, 16, 32, 64), 1
# Iterations of the conjugate gradient of a data step.
CG_ITERATIONS = 6
# The first denoising level, for volumes in [0, 1], and the first weight of the prior.
FIRST_LEVEL, LAMBDA = 0.2, 0.5
# Sides of volumes are padded to multiples of this for the network.
MULTIPLE = 8


class Solve(torch.autograd.Function):
    """(G + mu)^-1 r by conjugate gradients, for a symmetric G.

    The derivative is another solve: no iteration is kept for it.
    """

    @staticmethod
    def forward(ctx, r, mu, start, normal, iterations):
        ctx.normal, ctx.iterations = normal, iterations
        x = conjugate_gradient(lambda v: normal(v) + mu * v, r, start, iterations)
        ctx.save_for_backward(x, mu)
        return x

    @staticmethod
    def backward(ctx, gradient):
        x, mu = ctx.saved_tensors
        back = conjugate_gradient(
            lambda v: ctx.normal(v) + mu * v, gradient, None, ctx.iterations
        )
        return back, -(back * x).sum(), None, None, None


@torch.no_grad()
def conjugate_gradient(apply, r, x, iterations):
    """A fixed number of iterations for each image of a batch, from x; None is zero."""

    def dot(a, b):
        return (a * b).flatten(1).sum(1).view(-1, *[1] * (a.ndim - 1))

    residual = r if x is None else r - apply(x)
    x = torch.zeros_like(r) if x is None else x
    direction, energy = residual, dot(residual, residual)
    for _ in range(iterations):
        image = apply(direction)
        step = energy / dot(direction, image).clamp_min(1e-30)
        x, residual = x + step * direction, residual - step * image
        before, energy = energy, dot(residual, residual)
        direction = residual + energy / before.clamp_min(1e-30) * direction
    return x


class Unrolled3D(nn.Module):
    """Half-quadratic splitting with one learned denoiser, given A^T y and A^T A.

    From x = 0, for k = 1 ... `iterations`, with levels s_k that fall from 0.2 to the noise:

        z <- argmin_u |A u - y|^2 + lambda_k (sigma / s_k)^2 |u - x|^2
        x <- D(z, s_k)

    The data step needs A^T y and A^T A only, so that it may be that of a patch (R. Vo and
    J. Tachella, "Efficient Unrolled Networks for Large-Scale 3D Inverse Problems", CVPR
    2026). D is deepinv's 3D DRUNet, small. lambda_k and factors of s_k are learned.

    Parameters
    ----------
    channels : int
        1, or 2 for complex volumes.
    iterations : int
    widths : tuple of 4 int
    blocks : int
    dim : {3, 2}
        2 makes the network of slices, for comparison.
    """

    def __init__(
        self, channels, iterations=ITERATIONS, widths=WIDTHS, blocks=BLOCKS, dim=3
    ):
        super().__init__()
        self.channels, self.iterations, self.dim = channels, iterations, dim
        self.denoiser = dinv.models.DRUNet(
            channels, channels, nc=widths, nb=blocks, pretrained=None, dim=dim
        )
        self.log_levels = nn.Parameter(torch.zeros(iterations))
        self.log_lambda = nn.Parameter(torch.full((iterations,), math.log(LAMBDA)))

    def forward(self, back, normal, sigma):
        """The estimate of images.

        Parameters
        ----------
        back : tensor (B, C, *spatial)
            A^T y.
        normal : callable
            A^T A of images like that.
        sigma : float
            Level of the noise of y, for A of norm about one.
        """
        x = torch.zeros_like(back)
        sigma = max(float(sigma), 1e-3)
        for k in range(self.iterations):
            share = k / max(1, self.iterations - 1)
            level = FIRST_LEVEL ** (1 - share) * min(sigma, FIRST_LEVEL) ** share
            level = level * self.log_levels[k].exp()
            mu = self.log_lambda[k].exp() * (sigma / level) ** 2
            with torch.autocast(back.device.type, enabled=False):
                x = x.float()
                start = x.detach() if k else None
                z = Solve.apply(back + mu * x, mu, start, normal, CG_ITERATIONS)
            x = z + self.correction(z, level)
        return x.float()

    def with_iterations(self, iterations):
        """The network itself, with its schedule interpolated over other iterations."""
        for name in ("log_levels", "log_lambda"):
            learned = getattr(self, name).detach()[None, None]
            found = interpolate(
                learned, size=iterations, mode="linear", align_corners=True
            )
            setattr(self, name, nn.Parameter(found[0, 0]))
        self.iterations = iterations
        return self

    def correction(self, z, level):
        """What the denoiser adds to an image, whose sides are padded for it."""
        slices = self.dim < z.ndim - 2
        if slices:
            found = self.correction(z.transpose(1, 2).flatten(0, 1), level)
            return found.unflatten(0, (len(z), -1)).transpose(1, 2)
        sides = z.shape[2:]
        pads = [(-n) % MULTIPLE for n in reversed(sides)]
        padded = nn.functional.pad(
            z, [p for n in pads for p in (0, n)], mode="replicate"
        )
        padded = padded.contiguous(memory_format=LAYOUTS[z.ndim])
        found = self.denoiser(padded, level.expand(len(z))) - padded
        return found[(..., *(slice(n) for n in sides))]


# What a network saw in its training: {word: its file name for a kind of operators}.
TRAININGS = {
    "partitioned": "unrolled_3d_{}",
    "whole": "unrolled_whole_{}",
    "slices": "unrolled_slices_{}",
}
# {family of operators: (its word in file names, channels of the images)}.
KINDS = {"mri": ("mri", 2), "cone_beam": ("ct", 1)}


def weights_name(kind, training):
    """The name of the weights for a kind of operators; see `load_unrolled_3d`."""
    check_known("training", training, TRAININGS)
    check_known("family", kind, KINDS)
    return TRAININGS[training].format(KINDS[kind][0])


def load_unrolled_3d(kind, training, iterations=ITERATIONS):
    """Load a bundled network of volumes.

    Parameters
    ----------
    kind : {"mri", "cone_beam"}
        Family of operators.
    training : {"partitioned", "whole", "slices"}
    iterations : int
        With another number than the trained one, the learned levels and weights are
        interpolated over the iterations.

    Raises
    ------
    ValueError
        If there is no such network.
    FileNotFoundError, ValueError
        If the weights are missing or damaged.
    """
    name, channels = weights_name(kind, training), KINDS[kind][1]
    network = Unrolled3D(channels, dim=2 if training == "slices" else 3)
    load_weights(network, name)
    return network.with_iterations(iterations)
