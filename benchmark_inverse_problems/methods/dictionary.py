"""Dictionaries that are learned from incomplete measurements, and sparse codes."""

import torch
from torch.nn.functional import softshrink


def fista(gradient, step, weight, z, iterations):
    """`argmin_z f(z) + weight * ||z||_1` from z, by FISTA.

    A. Beck, M. Teboulle, "A Fast Iterative Shrinkage-Thresholding Algorithm for Linear
    Inverse Problems", SIAM Journal on Imaging Sciences, 2009.

    Parameters
    ----------
    gradient : callable (z) -> tensor
        The gradient of f.
    step : float
        At most one over the Lipschitz constant of the gradient.
    weight : float
    z : tensor
    iterations : int

    Returns
    -------
    tensor
    """
    ahead, momentum = z, 1.0
    for _ in range(iterations):
        new = softshrink(ahead - step * gradient(ahead), step * weight)
        grown = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = new + (momentum - 1) / grown * (new - z)
        z, momentum = new, grown
    return z


def unit(dictionary):
    """The dictionary with columns of length one."""
    return dictionary / dictionary.norm(dim=0)


def sparse_codes(matrices, y, weight, z, iterations):
    """`argmin_z 1/2 ||M z - y||^2 + weight * ||z||_1` for each signal.

    Parameters
    ----------
    matrices : tensor (K, m, p)
    y : tensor (K, m, N)
        N signals for each matrix.
    weight : float
    z : tensor (K, p, N)
        The start.
    iterations : int

    Returns
    -------
    tensor (K, p, N)
    """
    step = 1 / float(torch.linalg.matrix_norm(matrices, 2).max()) ** 2

    def gradient(z):
        return matrices.mT @ (matrices @ z - y)

    return fista(gradient, step, weight, z, iterations)


def learn_dictionary(operators, y, start, weight, steps, inner=5, lr=0.05):
    """A dictionary for signals of which only A_k x is known, without any x.

    It minimises `1/2 ||A_k D z - y||^2 + weight * ||z||_1` over the codes z and over D
    with columns of length one: `inner` iterations of FISTA, then a step of Adam, in turn.
    The learning rate falls to zero as a cosine.

    Parameters
    ----------
    operators : tensor (K, m, n)
    y : tensor (K, m, N)
    start : tensor (n, p)
        Dictionary to start at.
    weight : float
    steps, inner : int
    lr : float

    Returns
    -------
    tensor (n, p)
    """
    dictionary = unit(start).requires_grad_()
    optimiser = torch.optim.Adam([dictionary], lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    z = torch.zeros(len(y), start.shape[1], y.shape[2])
    for _ in range(steps):
        with torch.no_grad():
            z = sparse_codes(operators @ dictionary, y, weight, z, inner)
        with torch.enable_grad():
            misfit = operators @ (dictionary @ z) - y
            loss = misfit.square().sum() / (2 * y.shape[0] * y.shape[2])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            dictionary.copy_(unit(dictionary))
    return dictionary.detach()
