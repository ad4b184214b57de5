"""Fixed points of restoration networks as priors."""

import torch

from ..physics.initial_estimate import initial_estimate
from ..physics.noise import noise_level
from ..physics.proximal import data_prox
from .dpir import SIGMA_MIN
from .pnp import check_settings


def prior_step(x, physics, models, gammas, shift=0.0):
    """`x - sum_n gamma_n (x - R_n(D_n x))`, each D_n drawn anew.

    With `shift` the image is first moved by a random part of its height and width, at
    most that share, circularly, and moved back afterwards (equivariance).
    """
    offset = [round(shift * n * (2 * torch.rand(()).item() - 1)) for n in x.shape[2:]]
    x = torch.roll(x, offset, (-2, -1))
    terms = [g * (x - t(x, physics)) for g, t in zip(gammas, models, strict=True)]
    return torch.roll(x - sum(terms), [-n for n in offset], (-2, -1))


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
):
    """FiRe-HQS (Terris, Kamilov and Moreau, CVPR 2025).

    From `initial_estimate`, with f(x) = 1/2 ||A x - y||^2:

        u <- x - sum_n gamma_n (x - R_n(D_n x))
        x <- prox_{lambda f}(u)

    This is the paper's formula. Its authors' code divides the sum by the number of
    models, so its gammas are that number times ours. As in the code the result is an
    average over the last iterations, and one thing is ours: the estimate is
    `prox_{(error / sigma)^2 f}(mean of u)`. The lambda that balances the data with one
    prior step, which is blurred by its own D, is too large for their mean: the noise of
    y would stay. With `error=None` it is the code's mean of x, as the proximal operator
    is affine.

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
        Weight of each model; 1 all together goes as far as the models say.
    lambda_ : float
        The paper's lambda times (sigma / strength)^2, which makes it one scale for all
        noise levels: the squared error that u is taken to have. The code's lambda of 20
        to 100 at sigma = 0.01 is 0.002 to 0.01.
    iterations : int
    average : float
        Share of the iterations, the last ones, whose u are averaged; 0 takes the last
        one alone. The code averages half of them.
    feedback : bool
        As in the code, the next iteration starts from the average.
    shift : float
        See `prior_step`; the code has 0.1 for most models.
    error : float or None
        The error that the mean of u is taken to have, a standard deviation. None: the
        square root of `lambda_`.
    strength : float
        That of the models (see `RestorationModel`): weaker degradations leave smaller
        errors, and `lambda_` and `error` are those of strength 1.

    Yields
    ------
    Tensor
        The initial estimate, then one after each iteration.

    Raises
    ------
    ValueError
        If there are not as many gammas as models, or a setting is out of range.
    """
    check_settings(iterations, lambda_=lambda_, strength=strength)
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
        u = prior_step(x, physics, models, gammas, shift)
        mean = u if k <= first else mean + (u - mean) / (k - first + 1)
        x = prox(mean if feedback else u, lambda_ / sigma**2)
        yield prox(mean, last / sigma**2)
