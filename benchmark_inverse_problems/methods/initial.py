"""First estimates, and the proximal operator of the data term they rest on."""

import torch
from deepinv.optim.linear import conjugate_gradient
from deepinv.physics import DecomposablePhysics, Denoising, Inpainting

from ..operators import RandomProjection
from ..separable import separable

NOISE_FLOOR = 0.005


def noise_level(y, physics):
    """Standard deviation of the noise in `y` as the noise model states it, a float.

    For `PoissonGaussianNoise` the variance is `sigma^2 + gain * A(x)`: its mean over
    the image is `sigma^2 + gain * mean(y)`. It is 0 where the model has no `sigma`
    and no `gain`.
    """
    model = getattr(physics, "noise_model", None)
    sigma = torch.as_tensor(getattr(model, "sigma", None) or 0.0).float()
    gain = torch.as_tensor(getattr(model, "gain", None) or 0.0).float()
    mean = y.mean().clamp(min=0).to(gain.device)
    return (sigma.square() + gain * mean).mean().sqrt().item()


def relative_weight(method, weight):
    """A method whose regularisation weight is `weight` times the noise level.

    One grid of weights then fits all problems. Noise-free problems count as if their
    noise level were `NOISE_FLOOR`.

    Parameters
    ----------
    method : callable (y, physics, weight) -> x_hat
    weight : float

    Returns
    -------
    callable (y, physics) -> x_hat
    """

    def reconstruct(y, physics):
        return method(y, physics, weight * max(noise_level(y, physics), NOISE_FLOOR))

    return reconstruct


def data_prox(y, physics, tolerance=1e-4, max_iter=30):
    """The proximal operator of the data term, as fast as the operator allows.

    Parameters
    ----------
    y : Tensor
        Measurements.
    physics : deepinv.physics.LinearPhysics
        The operator A, with its adjoint.
    tolerance, max_iter : float, int
        Relative residual and budget of the conjugate gradient where it is needed.

    Returns
    -------
    prox : callable
        `prox(z, gamma)` is `argmin_x gamma / 2 ||A x - y||^2 + 1 / 2 ||x - z||^2`, of
        the shape (1, C, H, W) of z.
    exact : bool
        True if this is a closed form (operators that deepinv diagonalises, separable
        down-sampling and random projections), False if it is a conjugate gradient started at z.
    """
    if isinstance(physics, DecomposablePhysics | RandomProjection):
        return (lambda z, gamma: physics.prox_l2(z, y, gamma)), True
    target = physics.A_adjoint(y)
    pair = separable(physics, tuple(target.shape))
    if pair is not None:
        # deepinv's own formula for `padding="circular"` repeats a slow adjoint at every
        # call and has no counterpart for MATLAB's kernel.
        return (lambda z, gamma: pair.prox(z, y, gamma)), True

    def prox(z, gamma):
        # physics.prox_l2 would store max_iter and tol in the physics.
        return conjugate_gradient(
            lambda x: physics.A_adjoint_A(x) + x / gamma,
            target + z / gamma,
            max_iter=max_iter,
            tol=tolerance,
            init=z,
        )

    return prox, False


def fill(y, mask, power=4):
    """Shepard's inverse-distance interpolation of missing pixels.

    Missing pixels become the mean of the known ones weighted by `distance^-power`
    (Shepard, 1968), as one normalised convolution (Knutsson and Westin, 1993).

    Parameters
    ----------
    y : Tensor
        Image (1, C, H, W); its values where the mask is 0 are not used.
    mask : Tensor
        1 where a pixel is known and 0 elsewhere, broadcastable to y.

    Returns
    -------
    Tensor
        Image like y, equal to y where the mask is 1.
    """
    height, width = y.shape[-2:]
    mask = mask.to(y.dtype).expand_as(y)
    # Twice the size: the kernel reaches every pixel and none across the border.
    rows = torch.fft.fftfreq(2 * height, 1 / (2 * height), device=y.device)
    columns = torch.fft.fftfreq(2 * width, 1 / (2 * width), device=y.device)
    squared = rows[:, None].square() + columns.square()
    kernel = squared.clamp(min=1).pow(-power / 2).double()
    size = (2 * height, 2 * width)
    spectrum = torch.fft.rfft2(kernel)

    def spread(x):
        x = torch.fft.irfft2(torch.fft.rfft2(x.double(), s=size) * spectrum, s=size)
        return x[..., :height, :width]

    weight = spread(mask)
    # A far pixel still weighs distance^-power: below it there is rounding only.
    tiny = float(height**2 + width**2) ** (-power / 2) / 2
    filled = (spread(mask * y) / weight.clamp(min=tiny)).to(y.dtype)
    return torch.where(mask > 0, y, filled)


def initial_estimate(y, physics):
    """A cheap reconstruction to start from, aligned with the operator's grid.

    The measurements themselves for denoising, interpolation for missing pixels, and
    elsewhere the Tikhonov solution `argmin_x ||A x - y||^2 + eps ||x - c A^T y||^2`,
    where c scales `A^T y` to the measurements.

    Parameters
    ----------
    y : Tensor
        Measurements of an image with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A, with its noise model.

    Returns
    -------
    Tensor
        An image of the shape of `A^T y`: (1, C, H, W).
    """
    if isinstance(physics, Denoising):
        return y.clone()
    if isinstance(physics, Inpainting):
        return fill(y, physics.mask)
    back = physics.A_adjoint(y)
    again = physics.A(back)
    energy = again.square().sum()
    scale = (again * y).sum() / torch.where(energy > 0, energy, 1)
    # Detail of standard deviation 0.05 seen through noise of 0.01 at least.
    gamma = (0.05 / max(noise_level(y, physics), 0.01)) ** 2
    prox, _ = data_prox(y, physics, max_iter=10)
    return prox(scale * back, gamma * scale.item())
