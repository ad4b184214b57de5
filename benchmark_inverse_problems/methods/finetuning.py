"""Fine-tuning of a network on measurements alone, without any truth."""

import copy

import deepinv as dinv
import torch

from ..physics.facts import crop, measured
from ..physics.hold_out import HeldOut
from ..physics.noise import noise_level, noise_parameter
from ..support.checks import check_known

LOSSES = ("auto", "sure", "unsure", "r2r", "splitting")
EQUIVARIANCES = ("auto", "none", "ei", "moi")
# Weight of the loss of equivariance, as the authors of RAM take it.
WEIGHT = 0.1
# Steps between two checks on what is held out, and checks without progress that end it.
CHECK, PATIENCE = 10, 5
# Largest error on what is held out, over that before the fit, with which a fit is kept. On
# the tuning pictures fits with a smaller gain may lose PSNR: 0.3 to 0.6 dB at 0.93 to 0.95.
LARGEST_RATIO = 0.8
CLIP = 1.0  # largest norm of the gradient
# Steps of Adam, and the learning rate that is best on the tuning images of demosaicing
# and of compressed sensing together.
STEPS, LR = 200, 4.24e-4
# Side of the part of an image that one step sees, where the operator has parts. They begin
# at multiples of GRID, so that patterns such as Bayer's stay where they are.
SIDE, GRID = 128, 8


def has_mask(physics):
    """Whether the operator leaves entries of y unmeasured."""
    return bool((measured(physics) == 0).any())


def fidelity(name, physics, y):
    """deepinv's loss of the measurements, or None for splitting.

    SURE and UNSURE are those of the noise: Gaussian, Poisson or both. deepinv's R2R takes
    no mixed noise: it gets Gaussian noise of the same level. In deepinv 0.5 the momentum
    of UNSURE has no effect. auto is SURE.

    Raises
    ------
    ValueError
        If the name is not known, or UNSURE meets photons.
    """
    check_known("loss", name, LOSSES)
    sigma, gain = (float(noise_parameter(physics, y, n)[0]) for n in ("sigma", "gain"))
    if name == "splitting":
        return None
    if name == "r2r":
        level = noise_level(physics, y)
        pure = gain > 0 and sigma == 0
        noise = (
            dinv.physics.PoissonNoise(gain=gain)
            if pure
            else dinv.physics.GaussianNoise(sigma=level)
        )
        return dinv.loss.R2RLoss(noise_model=noise)
    unsure = name == "unsure"
    if gain == 0:
        return dinv.loss.SureGaussianLoss(sigma, unsure=unsure)
    if unsure:
        raise ValueError("loss=unsure is for Gaussian noise: use sure.")
    if sigma == 0:
        return dinv.loss.SurePoissonLoss(gain)
    return dinv.loss.SurePGLoss(sigma, gain)


def equivariance(name, operators):
    """deepinv's loss of what the measurements do not see, or None.

    auto is ei where entries are not measured, and nothing elsewhere.

    Raises
    ------
    ValueError
        If the name is not known, or moi has one operator only.
    """
    check_known("equivariance", name, EQUIVARIANCES)
    if name == "auto":
        name = "ei" if has_mask(operators[0]) else "none"
    if name == "none":
        return None
    if name == "ei":
        return dinv.loss.EILoss(dinv.transform.Shift(), weight=WEIGHT)
    if len(operators) < 2:
        raise ValueError("equivariance=moi needs several operators: use ei.")
    return dinv.loss.MOILoss(physics=list(operators), weight=WEIGHT)


def fine_tune(
    network,
    observations,
    loss="auto",
    symmetry="auto",
    steps=STEPS,
    lr=LR,
    bfloat16=True,
    seed=0,
    patience=PATIENCE,
    watch=None,
):
    """A copy of a network, fitted to measurements.

    Each measurement loses a part, see `HeldOut`. The network of the step with the smallest
    error on these parts is returned: the fit stops before it learns the noise. If that error
    is hardly smaller than before the fit, see `LARGEST_RATIO`, the network is returned as it
    was: it knows such images already. A step sees
    a random part of an image, see `SIDE`, except with symmetry="moi", whose operators have
    one size.

    Parameters
    ----------
    network : nn.Module (y, physics) -> x_hat
    observations : list of (y, physics)
        Measurements of images, each with the batch size one.
    loss, symmetry : str
        Of `LOSSES` and `EQUIVARIANCES`.
    steps : int
        Steps of Adam at most, each on one measurement.
    lr : float
    bfloat16 : bool
        Mixed precision.
    seed : int
    patience : int
        Checks without progress that end the fit.
    watch : callable (step, restore, loss), optional
        Is called at each check with the network ``restore(y, physics)`` and the mean loss
        of the steps before it, 0 at the first.

    Returns
    -------
    network : nn.Module
    curve : list of (step, error)
        The mean error on what is held out.

    Raises
    ------
    ValueError
        As `fidelity` and `equivariance`.
    """
    network = copy.deepcopy(network).requires_grad_(True)
    generator = torch.Generator().manual_seed(seed)
    parts = [HeldOut(y, physics, generator) for y, physics in observations]
    second = equivariance(symmetry, [part.physics for part in parts])
    first = [fidelity(loss, part.physics, part.y) for part in parts]
    optimiser = torch.optim.Adam(network.parameters(), lr)
    device = observations[0][0].device.type

    def restore(y, physics, **_):
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            return network(y, physics).float()

    losses, curve = [], []

    def check(step):
        network.eval()
        with torch.no_grad():
            errors = [part.error(restore(part.y, part.physics)) for part in parts]
            if watch is not None:
                watch(step, restore, sum(losses) / max(1, len(losses)))
        network.train()
        losses.clear()
        curve.append((step, sum(errors) / len(errors)))
        return curve[-1][1]

    first_error, waited = check(0), 0
    best = first_error
    before = copy.deepcopy(network.state_dict())
    kept = before
    with torch.enable_grad():
        for step in range(1, steps + 1):
            chosen = int(torch.randint(len(parts), (), generator=generator))
            y, physics = parts[chosen].y, parts[chosen].physics
            if symmetry != "moi":
                y, physics = random_crop(y, physics, generator)
            model = Callable(restore)
            if first[chosen] is None:
                value, x = split_loss(y, physics, restore, generator)
            else:
                adapted = first[chosen].adapt_model(model)
                x = adapted(y, physics, update_parameters=True)
                value = first[chosen](y=y, x_net=x, physics=physics, model=adapted)
            value = value.mean()
            if second is not None:
                value += second(x_net=x, y=y, physics=physics, model=model).mean()
            losses.append(value.item())
            optimiser.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimiser.step()
            if step % CHECK == 0 or step == steps:
                error = check(step)
                waited += 1
                if error < best:
                    best, waited = error, 0
                    kept = copy.deepcopy(network.state_dict())
                if waited > patience:
                    break
    network.load_state_dict(kept if best <= LARGEST_RATIO * first_error else before)
    return network.eval().requires_grad_(False), curve


class Callable(torch.nn.Module):
    """A function as a module, as deepinv's losses take one."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, y, physics, **_):
        return self.function(y, physics)


def random_crop(y, physics, generator):
    """A random part of an image with its operator; all of it where it has no parts."""
    starts = [
        GRID * int(torch.randint(max(0, n - SIDE) // GRID + 1, (), generator=generator))
        for n in y.shape[2:]
    ]
    place = tuple(slice(start, start + SIDE) for start in starts)
    if max(y.shape[2:]) <= SIDE:
        return y, physics
    return crop(physics, y, place) or (y, physics)


def split_loss(y, physics, restore, generator):
    """The error on a new random part of what is learned from, and the estimate.

    deepinv's SplittingLoss multiplies the masks of all operators, and fails for blurs,
    whose mask is a spectrum. Here their noise is split.
    """
    again = HeldOut(y, physics, generator)
    x = restore(again.y, again.physics)
    difference = again.weight * (physics.A(x) - again.other)
    return difference.square().sum() / again.weight.sum(), x
