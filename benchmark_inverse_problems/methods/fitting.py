"""The fit of a network to one measurement, for DIP, the deep decoder and EDIP."""

import math
from functools import partial

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import LinearLR

from ..networks.layers import LAYOUTS
from ..physics.facts import image_shape
from ..physics.noise import NOISE_FLOOR, noise_level
from ..support.checks import check_known
from ..support.random import normal_like
from .stopping import LastIterate, stopping_rule

# The input is uniform in [0, INPUT], as in the papers.
INPUT = 0.1
# Least side of an image whose network runs in bfloat16 on CPUs. The coarsest layers of
# smaller ones have one or two pixels along each axis. There the gradient that torch
# computes for the weights of a 3x3 kernel in bfloat16 contains memory that was never
# written (seen with torch 2.15 on a processor with AVX512-BF16).
SMALLEST = 32


def architecture(network, sizes, size, **settings):
    """A network class with the settings of a size and others, as `from_noise` takes it.

    Raises
    ------
    ValueError
        If `size` is not a key of `sizes`.
    """
    check_known("size", size, sizes)
    return partial(network, **sizes[size], **settings)


def from_noise(
    y,
    physics,
    network,
    lr=0.01,
    iterations=1000,
    jitter=0.0,
    average=0.0,
    tv_weight=0.0,
    stopping="auto",
    patience=200,
    bfloat16=True,
):
    """Fit a new network with a random input to one measurement.

    This is the deep image prior (Ulyanov, Vedaldi and Lempitsky, CVPR 2018) or, with
    its network, the deep decoder (Heckel and Hand, ICLR 2019). The objective, with
    sums, is

        1/2 ||A f(z) - y||^2 + tv_weight * sigma * TV(f(z))

    The network, its input and the optimiser are made here, so that no image affects the
    next one. All random numbers come from torch's global generator.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, *spatial) with values about [0, 1], or, if C = 2,
        [-1, 1].
    physics : deepinv.physics.Physics
        The operator A with a gradient, and its noise model; sigma is
        `noise_level(physics, y)`, at least `NOISE_FLOOR`.
    network : callable
        Makes the network for the shape (C, *spatial) of an image. The network is a module
        with the attribute `input_shape`, such as `SkipNetwork` or `DeepDecoder`.
    lr, iterations, jitter, average, bfloat16
        See `fit`.
    tv_weight : float
        Weight of the anisotropic total variation, in noise levels.
    stopping : str or rule
        A key of `stopping.RULES`, or another rule (see `LastIterate`).
    patience : int
        Patience of the variance rule, in iterations.

    Returns
    -------
    iterator of Tensor
        See `fit`.

    Raises
    ------
    ValueError
        As `fit` and `stopping_rule`.
    """
    shape = image_shape(physics, y)
    module = network(tuple(shape[1:])).to(y.device)
    # Drawn on the CPU, as the same numbers on every device.
    z = INPUT * torch.rand(module.input_shape).to(y.device)
    weight = weight_of_means(tv_weight, y, physics, shape)
    if isinstance(stopping, str):
        stopping = stopping_rule(stopping, y, physics, patience)
    return fit(
        module,
        z,
        y,
        physics,
        lr,
        iterations,
        jitter=jitter,
        average=average,
        tv_weight=weight,
        stopping=stopping,
        bfloat16=bfloat16,
    )


def weight_of_means(tv_weight, y, physics, shape):
    """The `tv_weight` of `fit` for the weight of an objective with sums.

    The objective of `fit` has means. The one with sums is

        1/2 ||A f(z) - y||^2 + tv_weight * sigma * TV(f(z))

    sigma is `noise_level(physics, y)`, at least `NOISE_FLOOR`. `shape` is the image's.
    """
    sigma = max(noise_level(physics, y), NOISE_FLOOR)
    return 2 * tv_weight * sigma * math.prod(shape[2:]) / y.numel()


def fit(
    network,
    z,
    y,
    physics,
    lr,
    iterations,
    jitter=0.0,
    average=0.0,
    tv_weight=0.0,
    stopping=None,
    parameters=None,
    clip=None,
    warm_up=1,
    bfloat16=True,
):
    """Fit a network to one measurement by Adam, from the parameters it has.

    The objective is

        mean (A f(z) - y)^2 + tv_weight * TV(f(z)) / n

    The mean is over all entries of y. n is the number of pixels. TV is the sum over
    pixels and channels of the absolute differences to the next pixel along each axis
    (anisotropic). The
    network is changed in place and set to training mode. It must have no other user.

    The function is a generator. It must be advanced under `torch.no_grad()`, and
    enables gradients itself.

    Parameters
    ----------
    network : nn.Module
        f, from z to an image (1, C, *spatial).
    z : Tensor
        Input of the network. Only the jitter changes it.
    y : Tensor
        Measurements.
    physics : deepinv.physics.Physics
        A, which has a gradient. A and the loss are evaluated in float32.
    lr : float
        Learning rate of Adam.
    iterations : int
        Largest number of steps of Adam.
    jitter : float
        Standard deviation of the Gaussian noise that is added to z. It is drawn anew at
        each iteration by torch's global generator.
    average : float
        The estimate after k iterations is the mean of the outputs so far with weights
        proportional to `average^(k - i)`; 0 takes the last output.
    tv_weight : float
        Weight of the total variation.
    stopping : LastIterate or another rule of `stopping.py`, or None
        Ends the fit and chooses the estimate to return. None: `LastIterate()`.
    parameters : iterable of Parameter, or None
        Parameters to fit. The others are frozen. None: all.
    clip : float or None
        Largest norm of the gradient; None for no limit.
    warm_up : int
        Steps over which the learning rate grows linearly. The first steps of Adam have
        the size of the learning rate, whatever the gradient is. They would undo a
        pretraining.
    bfloat16 : bool
        Run the network in mixed precision where the device computes bfloat16 natively.
        CPUs do so for images with sides of at least `SMALLEST`.

    Yields
    ------
    Tensor
        The estimate (1, C, *spatial), in float32, before the first step and after each one.
        The last item is the result, `stopping.best`.

    Raises
    ------
    ValueError
        If `iterations` is negative, `average` is not in [0, 1), there is nothing to
        fit, or the loss is no longer finite.
    """
    if iterations < 0:
        raise ValueError(f"The iterations must not be negative, got {iterations}.")
    if not 0 <= average < 1:
        raise ValueError(f"The averaging weight must be in [0, 1), got {average}.")
    stopping = LastIterate() if stopping is None else stopping
    chosen = _free(network, parameters)
    optimizer = torch.optim.Adam(chosen, lr, fused=True)
    schedule = LinearLR(optimizer, 1 / warm_up, total_iters=warm_up)
    sides = image_shape(physics, y)[2:]
    mixed = bfloat16 and _computes_bfloat16(y.device, sides)
    # Channels-last layout doubles the speed in bfloat16, and costs up to half of it in
    # float32.
    layout = LAYOUTS[z.ndim] if mixed else torch.contiguous_format
    network.train().to(memory_format=layout)
    estimate, total = None, 0.0
    for iteration in range(iterations + 1):
        noise = normal_like(z) if jitter else 0.0
        with torch.enable_grad():
            with torch.autocast(y.device.type, torch.bfloat16, enabled=mixed):
                x = network((z + jitter * noise).contiguous(memory_format=layout))
            x = x.float().contiguous()
            data = (physics.A(x) - y).square().mean()
            loss = data + tv_weight * _roughness(x) if tv_weight else data
        residual = (data.item() * y.numel()) ** 0.5
        _check(loss.item(), iteration)
        total = 1 + average * total
        output = x.detach()
        estimate = output if total == 1 else torch.lerp(estimate, output, 1 / total)
        stop = stopping.update(estimate, output, residual, loss.item())
        if stop or iteration == iterations:
            break
        yield estimate
        optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            clip_grad_norm_(chosen, clip)
        optimizer.step()
        schedule.step()
    yield stopping.best


def _free(network, parameters):
    """Freeze all parameters of a network but the given ones; return these."""
    chosen = list(network.parameters() if parameters is None else parameters)
    if not chosen:
        raise ValueError("There is nothing to fit: give parameters of the network.")
    network.requires_grad_(False)
    for parameter in chosen:
        parameter.requires_grad_(True)
    return chosen


def _computes_bfloat16(device, sides):
    """Whether convolutions in bfloat16 are faster here than in float32, and right."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Without these instructions the numbers are computed one by one.
    native = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return native and min(sides) >= SMALLEST


def _roughness(x):
    """Anisotropic total variation of an image, per pixel."""
    axes = range(2, x.ndim)
    return sum(x.diff(dim=axis).abs().sum() for axis in axes) / math.prod(x.shape[2:])


def _check(loss, iteration):
    if not math.isfinite(loss):
        raise ValueError(
            f"The fit diverged: its loss is {loss} after {iteration} iterations. Use a "
            "smaller learning rate."
        )
