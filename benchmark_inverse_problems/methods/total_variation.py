"""Total variation, and the primal-dual solver of analysis-regularised least squares."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..physics.initial_estimate import initial_estimate
from ..physics.proximal import data_prox


@dataclass(frozen=True)
class Analysis:
    """The regulariser `||K x||` as a solver needs it.

    Attributes
    ----------
    apply, adjoint : callable
        The linear operator K, from (1, C, *spatial) to anything, and K^T.
    magnitude : callable
        The moduli of a dual variable, broadcastable to it. Their sum is the norm. They
        are absolute values for an l1 norm, and lengths of vectors for a coupled norm.
    squared_norm : float
        An upper bound of the largest eigenvalue of K^T K.
    """

    apply: Callable
    adjoint: Callable
    magnitude: Callable
    squared_norm: float

    def project(self, u, radius):
        """Project a dual variable on the ball of the dual norm, in place."""
        if self.magnitude is torch.abs:
            return u.clamp_(-radius, radius)
        return u.mul_(radius / self.magnitude(u).clamp_(min=radius))

    def value(self, x):
        """`||K x||`, a float."""
        return self.magnitude(self.apply(x)).sum(dtype=torch.float64).item()


def gradient(x):
    """Forward differences (axes, 1, C, *spatial) of an image, zero across the border."""
    g = x.new_zeros(x.ndim - 2, *x.shape)
    for part, axis in zip(g, spatial_axes(x), strict=True):
        size = x.shape[axis] - 1
        ahead, here = x.narrow(axis, 1, size), x.narrow(axis, 0, size)
        torch.sub(ahead, here, out=part.narrow(axis, 0, size))
    return g


def gradient_adjoint(u):
    """The adjoint of `gradient`: minus the divergence."""
    x = torch.zeros_like(u[0])
    for part, axis in zip(u, spatial_axes(x), strict=True):
        size = x.shape[axis] - 1
        inner = part.narrow(axis, 0, size)
        x.narrow(axis, 0, size).sub_(inner)
        x.narrow(axis, 1, size).add_(inner)
    return x


def spatial_axes(x):
    """The axes of an image (B, C, *spatial) that differences are taken along."""
    return range(2, x.ndim)


def _length(u):
    return u.square().sum((0, 2), keepdim=True).sqrt()


def variation(axes):
    """The total variation of images with some number of spatial axes.

    The differences along one axis have a squared norm of at most four.
    """
    return Analysis(gradient, gradient_adjoint, _length, 4.0 * axes)


def total_variation(y, physics, weight, tolerance=1e-3, max_iter=1000):
    """`argmin_x 1/2 ||A x - y||^2 + weight * TV(x)`.

    TV is the sum over the pixels of the length of the gradient. The length is taken
    over all spatial axes and all channels together (Rudin, Osher and Fatemi, 1992;
    vectorial: Bresson and Chan, 2008). Channels therefore share their edges. The two
    parts of a complex image count together, by the modulus.

    Parameters
    ----------
    y : Tensor
        Measurements of an image (1, C, *spatial) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A.
    weight : float
        Positive weight of the regulariser.
    tolerance, max_iter : float, int
        See `minimise`.

    Returns
    -------
    Tensor
        The image (1, C, *spatial).

    Raises
    ------
    ValueError
        If `weight` is not positive.
    """
    axes = physics.A_adjoint(y).ndim - 2
    return minimise(y, physics, variation(axes), weight, tolerance, max_iter)


def objective(x, y, physics, analysis, weight):
    """`1/2 ||A x - y||^2 + weight * ||K x||`, a float."""
    residual = physics.A(x) - y
    data = residual.square().sum(dtype=torch.float64).item() / 2
    return data + weight * analysis.value(x)


def minimise(y, physics, analysis, weight, tolerance, max_iter):
    """`argmin_x 1/2 ||A x - y||^2 + weight * ||K x||` from `initial_estimate`.

    If the data term has a proximal operator in closed form, over-relaxed primal-dual
    steps are taken (Chambolle and Pock, 2011; Condat, 2013). Otherwise FISTA is run
    (Beck and Teboulle, 2009). FISTA applies the operator fewer times, and the operator
    takes most of the time.

    Parameters
    ----------
    y, physics, weight
        See `total_variation`.
    analysis : Analysis
        The operator K and its norm.
    tolerance : float
        Stop when x and the dual variable u miss the optimality conditions
        `A^T (A x - y) + K^T u = 0` by at most this share of `||K^T u||`, and
        `u in weight * subdifferential of ||.|| at K x` by at most this share of
        `||K x||`. Neither depends on the scales of image, operator and weight. 0 runs
        all iterations.
    max_iter : int
        Largest number of iterations. One of FISTA, with its 20 inner steps, counts as
        ten.

    Returns
    -------
    Tensor
        The image (1, C, *spatial).

    Raises
    ------
    ValueError
        If `weight` is not positive.
    """
    check_weight(weight)
    prox, exact = data_prox(physics, y)
    x = initial_estimate(physics, y)
    if exact:
        return primal_dual(x, prox, analysis, weight, tolerance, max_iter)
    most = -(-max_iter // 10)
    return accelerated(x, y, physics, analysis, weight, tolerance, most)


def check_weight(weight):
    """Raise a ValueError unless the weight of a regulariser is positive."""
    if not weight > 0:
        raise ValueError(f"The weight must be positive, got {weight}.")


def _share(part, whole):
    return (part.norm() / whole.norm().clamp(min=1e-12)).item()


def primal_dual(x, prox, analysis, weight, tolerance, max_iter):
    # Dual variables have the size of the weight, and the primal one moves by about 0.1.
    # Their ratio is a good first step (in units where ||K|| = 1).
    tau = 0.1 / (weight * analysis.squared_norm**0.5)
    relaxation, exponent = 1.9, 1.0
    kx = analysis.apply(x)
    u = torch.zeros_like(kx)
    ktu = torch.zeros_like(x)
    for k in range(1, max_iter + 1):
        sigma = 1 / (tau * analysis.squared_norm)
        x_next = prox(x.sub(ktu, alpha=tau), tau)
        kx_next = analysis.apply(x_next)
        ahead = u.add(kx_next, alpha=2 * sigma).add_(kx, alpha=-sigma)
        u_next = analysis.project(ahead, weight)
        ktu_next = analysis.adjoint(u_next)
        if k % 10 == 0:
            primal = _share((x - x_next) / tau - (ktu - ktu_next), ktu_next)
            dual = _share((u - u_next) / sigma - (kx - kx_next), kx_next)
            if max(primal, dual) <= tolerance:
                break
        # K and K^T are linear, so their values are relaxed instead of computed again.
        x = x.lerp(x_next, relaxation)
        for value, following in ((kx, kx_next), (u, u_next), (ktu, ktu_next)):
            value.lerp_(following, relaxation)
        # Balance the residuals (Goldstein et al., 2013). The changes shrink and finally
        # end, so that the iterations converge like those with fixed steps.
        if k % 10 == 0 and k <= 200 and not dual / 2 <= primal <= 2 * dual:
            ratio = primal / max(dual, 1e-12)
            tau *= min(max(ratio, 1 / 3), 3) ** exponent
            exponent *= 0.9
    return x_next


def squared_norm(physics, like, iterations=10):
    """The largest eigenvalue of A^T A, from below, for images like one."""
    # deepinv's compute_sqnorm starts from a random image, so its results differ.
    index = torch.arange(like.numel(), dtype=like.dtype, device=like.device)
    x = 1 + torch.sin(index.square() / 7).reshape(like.shape)
    for _ in range(iterations):
        x = physics.A_adjoint_A(x / x.norm())
    return x.norm().item()


def accelerated(x, y, physics, analysis, weight, tolerance, max_iter, inner=20):
    # The power iteration approaches the norm from below, which needs a margin.
    step = 1 / (1.05 * squared_norm(physics, x))
    dual_step = 1 / (step * analysis.squared_norm)
    target = physics.A_adjoint(y)
    z, t = x, 1.0
    u = torch.zeros_like(analysis.apply(x))
    for _ in range(max_iter):
        v = z - step * (physics.A_adjoint_A(z) - target)
        # The proximal operator of the norm at v is computed by accelerated projected
        # gradient on its dual. It starts from the last dual variable.
        w, s = u, 1.0
        for _ in range(inner):
            ascent = analysis.apply(v.sub(analysis.adjoint(w), alpha=step))
            u_next = analysis.project(w.add(ascent, alpha=dual_step), weight)
            s_next = (1 + (1 + 4 * s * s) ** 0.5) / 2
            w = u.lerp_(u_next, 1 + (s - 1) / s_next)
            u, s = u_next, s_next
        ktu = analysis.adjoint(u)
        x_next = v - step * ktu
        kx = analysis.apply(x_next)
        primal = _share((z - x_next) / step, ktu)
        moved = analysis.project(u.add(kx, alpha=dual_step), weight)
        dual = _share((moved - u) / dual_step, kx)
        if max(primal, dual) <= tolerance:
            return x_next
        # Momentum that points uphill is dropped (O'Donoghue and Candes, 2015).
        t = 1.0 if ((z - x_next) * (x_next - x)).sum() > 0 else t
        t_next = (1 + (1 + 4 * t * t) ** 0.5) / 2
        z = x_next + (t - 1) / t_next * (x_next - x)
        x, t = x_next, t_next
    return x
