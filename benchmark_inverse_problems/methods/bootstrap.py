"""The error of any reconstruction, estimated by restoring its own estimate again."""

import deepinv as dinv
import torch

from ..judge.reconstruction import Estimate
from ..physics.noise import noisy
from ..support.checks import check_known

TRANSFORMS = ("none", "flips", "shifts")
# Longest shift, as a share of the side of the image.
SHIFT = 0.1


def transforms(name, shape, generator):
    """deepinv's transforms of images of a shape, to be applied one after the other.

    flips are the reflections and the rotations by 90 degrees, or by 180 degrees where the
    sides differ. shifts are circular, by whole pixels, and flips.

    Raises
    ------
    ValueError
        If the name is not known.
    """
    check_known("transform", name, TRANSFORMS)
    if name == "none":
        return []
    angle = 90 if shape[-1] == shape[-2] else 180
    group = [
        dinv.transform.Reflect(rng=generator),
        dinv.transform.Rotate(multiples=angle, rng=generator),
    ]
    if name == "shifts":
        group.append(dinv.transform.Shift(shift_max=SHIFT, rng=generator))
    return group


def bootstrap(y, physics, network, transform="flips", samples=25, factor=1.0):
    """An estimate with its spread, by the equivariant bootstrap.

    With the estimate x_hat = f(y), each sample is

        x_i = T^-1 f(A T x_hat + n),

    for a random transform T and new noise n. The images of the world may be transformed
    by T, so T x_hat is another possible image, and x_i - x_hat is the error that f makes
    on it. Without T only the noise is new: what A does not see of x_hat is lost again in
    the same way each time, so errors in the null space are underestimated.

    J. Tachella, M. Pereyra, "Equivariant Bootstrapping for Uncertainty Quantification in
    Imaging Inverse Problems", AISTATS 2024.

    Parameters
    ----------
    y : tensor
        Measurements of an image (1, C, H, W).
    physics : deepinv.physics.Physics
        The operator, with its noise model.
    network : callable (y, physics) -> x_hat
    transform : {"none", "flips", "shifts"}
        See `transforms`.
    samples : int
    factor : float
        Factor on the spread.

    Returns
    -------
    Estimate
    """
    estimate = network(y, physics)
    seed = int(torch.randint(2**31, ()))
    generator = torch.Generator().manual_seed(seed)
    group = transforms(transform, estimate.shape, generator)
    total, errors = torch.zeros_like(estimate), []
    for _ in range(samples):
        x, drawn = estimate, []
        for part in group:
            drawn.append(part.get_params(x))
            x = part.transform(x, **drawn[-1])
        x = network(noisy(physics, x), physics)
        for part, parameters in zip(reversed(group), reversed(drawn), strict=True):
            x = part.inverse(x, **parameters)
        error = factor * (x - estimate)
        total += error.square()
        errors.append(float(error.square().mean()))
    return Estimate(estimate, (total / samples).sqrt(), errors)
