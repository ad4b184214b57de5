"""Fixed points of restoration networks as priors."""

from functools import partial

import torch

from ..physics.initial_estimate import initial_estimate
from ..physics.noise import noise_level
from ..physics.proximal import data_prox
from .dpir import SIGMA_MIN, turn
from .pnp import check_settings


def prior_step(x, physics, models, gammas, shift=0.0, turned=False):
    """`x - sum_n gamma_n (x - R_n(D_n x))`, each D_n drawn anew.

    With `shift` the image is first shifted circularly by a random part of its height
    and width, at most this share. With `turned` it is flipped or rotated at random. Both
    are undone afterwards (equivariance).
    """
    offset = [round(shift * n * (2 * torch.rand(()).item() - 1)) for n in x.shape[2:]]
    x = torch.roll(x, offset, (-2, -1))
    x, back = turn(x, int(torch.randint(8, ())) if turned else 0)
    terms = [g * (x - t(x, physics)) for g, t in zip(gammas, models, strict=True)]
    return torch.roll(back(x - sum(terms)), [-n for n in offset], (-2, -1))


def fire_hqs(
    y,
    physics,
    models,
    gammas,
    lambda_,
    iterations=20,
    average=0.7,
    feedback=False,
    shift=0.0,
    error=0.025,
    strength=1.0,
    turned=False,
    fall=1.0,
):
    """FiRe-HQS (Terris, Kamilov and Moreau, CVPR 2025).

    From `initial_estimate`, with f(x) = 1/2 ||A x - y||^2:

        u <- x - sum_n gamma_n (x - R_n(D_n x))
        x <- prox_{lambda f}(u)

    This is the paper's formula. The authors' code divides the sum by the number of
    models, so its gammas are that number times ours. As in the code, the result is an
    average over the last iterations. One thing differs from the code: the estimate is
    `prox_{(error / sigma)^2 f}(mean of u)`. lambda balances the data with a single
    prior step, which is blurred by its own D. For the mean of the steps this lambda is
    too large: the noise of y would remain. With `error=None` the estimate is the code's
    mean of x, because the proximal operator is affine.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, H, W) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A with its noise model; sigma is `noise_level(physics, y)`, at least
        `SIGMA_MIN`.
    models : list of callable
        `model(x, physics)` is R_n(D_n x); D_n may be random.
    gammas : list of float
        Weight of each model. If they sum to 1, u is the weighted mean of what the
        models return.
    lambda_ : float
        The squared error that u is assumed to have. It is the paper's lambda times
        (sigma / strength)^2, so that one value suits all noise levels. The code's
        lambda of 20 to 100 at sigma = 0.01 corresponds to 0.002 to 0.01.
    iterations : int
    average : float
        Share of the iterations whose u are averaged, the last ones. 0 takes the last
        one alone. The code averages half of them.
    feedback : bool
        Whether the next iteration starts from the average, as in the code.
    shift : float
        See `prior_step`. The code has 0.1 for most models.
    error : float or None
        The error that the mean of u is assumed to have, a standard deviation. None: the
        square root of `lambda_`.
    strength : float
        Strength of the models (see `RestorationModel`). Weaker degradations leave
        smaller errors. `lambda_` and `error` are given for strength 1.
    turned : bool
        See `prior_step`. `dpir` turns the image of its denoiser too.
    fall : float
        Factor of the strength in the first iteration. It falls to one, in equal ratios,
        until the averaging begins.

    Yields
    ------
    Tensor
        The initial estimate, then one after each iteration.

    Raises
    ------
    ValueError
        If there are not as many gammas as models, or a setting is out of range.
    """
    check_settings(iterations, lambda_=lambda_, strength=strength, fall=fall)
    if len(gammas) != len(models):
        raise ValueError(
            f"FiRe needs one gamma a model, got {len(gammas)} for {len(models)}."
        )
    if not 0 <= average <= 1:
        raise ValueError(f"The share to average must be in [0, 1], got {average}.")
    sigma = max(noise_level(physics, y), SIGMA_MIN)
    lambda_ = strength**2 * lambda_
    last = lambda_ if error is None else (strength * error) ** 2
    prox, _ = data_prox(physics, y)
    x = mean = initial_estimate(physics, y)
    yield x
    first = min(round(iterations * (1 - average)), iterations - 1)
    for k in range(iterations):
        factor = fall ** (1 - min(k / first, 1)) if first else 1.0
        stronger = [partial(t, factor=factor) if factor != 1 else t for t in models]
        u = prior_step(x, physics, stronger, gammas, shift, turned)
        mean = u if k <= first else mean + (u - mean) / (k - first + 1)
        x = prox(mean if feedback else u, lambda_ / sigma**2)
        yield prox(mean, last / sigma**2)
