"""Rules that stop the fit of a network to measurements without knowing the truth."""

import math
from collections import deque

import torch

from ..physics.facts import measured
from ..physics.noise import noise_level
from ..support.checks import check_known


class LastIterate:
    """Never stop; the last estimate is the result.

    All rules have the methods of this class. `update` is called with every estimate and
    returns True to stop. `best` is the estimate that is the result so far. A rule
    serves one fit.

    Attributes
    ----------
    best : Tensor
        The estimate to return.
    """

    def update(self, estimate, x, residual, loss):
        """Take one iteration into account.

        Parameters
        ----------
        estimate : Tensor
            The image (1, C, *spatial) that would be returned now.
        x : Tensor
            The network's output of this iteration, without averaging.
        residual, loss : float
            `||A x - y||`, and what the fit minimises.

        Returns
        -------
        bool
            True to stop here.
        """
        self.best = estimate
        return False


class LowestLoss(LastIterate):
    """Never stop; the estimate with the lowest loss is the result."""

    def __init__(self):
        self.lowest = float("inf")

    def update(self, estimate, x, residual, loss):
        if loss < self.lowest:
            self.lowest, self.best = loss, estimate
        return False


class Variance(LastIterate):
    """Stop when the variance of the last outputs has had its minimum (ES-WMV).

    H. Wang et al., "Early Stopping for Deep Image Prior", TMLR 2023. The outputs of a
    network change much while it learns the image. They change much again while it
    learns the noise. In between they change least. The variance is that of the last
    `window` outputs over the iterations, averaged over the pixels. The result is the
    estimate at the least variance. The fit stops when no smaller variance has come for
    `patience` iterations.

    The variance is computed on `SKETCH` pixels, drawn once by torch's global generator.
    A window of 150 colour images of 256x256 then takes 2.4 MB of memory instead of 118.
    This estimate is unbiased. Its error of about 2 % matters less than the fluctuations
    of the variance itself. The authors' variant for little memory, ES-EMV, has
    exponential averages. It remembers the first outputs, which vary most, for long.

    Parameters
    ----------
    window : int
        Iterations; 100 in the paper. In short fits the variance has a flat minimum. A
        longer window finds it more reliably, but later.
    patience : int
        Iterations; 1000 in the paper, for fits of many thousands.

    Raises
    ------
    ValueError
        If the window is below 2 or the patience below 1.
    """

    SKETCH = 4096

    def __init__(self, window=150, patience=200):
        if window < 2 or patience < 1:
            raise ValueError(
                "The variance rule needs a window of at least 2 and a patience of at "
                f"least 1 iteration, got {window} and {patience}."
            )
        self.recent = deque(maxlen=window)
        self.patience = patience
        self.pixels = None
        self.least, self.since = float("inf"), 0

    def update(self, estimate, x, residual, loss):
        if self.pixels is None:
            chosen = torch.randperm(x.numel()).to(x.device)
            self.pixels = chosen[: self.SKETCH].clone()
        self.recent.append(x.flatten()[self.pixels])
        if len(self.recent) < self.recent.maxlen:
            self.best = estimate
            return False
        variance = torch.stack(tuple(self.recent)).var(0).mean().item()
        self.since += 1
        if variance < self.least:
            self.least, self.since, self.best = variance, 0, estimate
        return self.since >= self.patience


class Discrepancy(LastIterate):
    """Stop when the residual is as small as the noise (Morozov, 1966).

    The fit stops at the first iteration where `||A x - y|| <= tau * expected`. The
    result is the estimate of this iteration. If the residual never gets so small, the
    result is the last estimate.

    Parameters
    ----------
    expected : float
        The expected norm of the noise, see `expected_noise_norm`.
    tau : float
        Factor of the expected norm, at least 1.

    Raises
    ------
    ValueError
        If there is no noise to reach, or tau is below 1.
    """

    def __init__(self, expected, tau=1.0):
        if not expected > 0:
            raise ValueError(
                "The discrepancy rule needs a noise level, and the noise model states "
                f"none (the noise has a norm of {expected}): use another rule."
            )
        if tau < 1:
            raise ValueError(f"tau must be at least 1, got {tau}.")
        self.target = tau * expected

    def update(self, estimate, x, residual, loss):
        self.best = estimate
        return residual <= self.target


def expected_noise_norm(y, physics):
    """The expected norm of the noise in y as the noise model states it, a float.

    It is `sqrt(sum of the variances)` over the entries that are measured. The zeros of
    a mask carry no noise. The variance of `PoissonGaussianNoise` is
    `sigma^2 + gain * A x`, with y in place of A x.
    """
    y = y[measured(physics).to(y).expand_as(y) != 0]
    return noise_level(physics, y) * math.sqrt(y.numel())


def automatic(y, physics, patience):
    """The discrepancy rule if the noise model states a noise, else the variance rule.

    With a known noise level the discrepancy rule stops nearer to the best iterate.
    """
    known = unsupported_rule("discrepancy", physics) is None
    return RULES["discrepancy" if known else "variance"](y, physics, patience)


RULES = {
    "auto": automatic,
    "variance": lambda y, physics, patience: Variance(patience=patience),
    "discrepancy": lambda y, physics, patience: Discrepancy(
        expected_noise_norm(y, physics)
    ),
    "none": lambda y, physics, patience: LastIterate(),
}


def stopping_rule(name, y, physics, patience):
    """A new rule of `RULES` for one fit.

    Raises
    ------
    ValueError
        If no rule has that name.
    """
    check_known("stopping", name, RULES)
    return RULES[name](y, physics, patience)


def unsupported_rule(name, physics):
    """Why a rule cannot end a fit of some measurements, or None if it can."""
    if name == "discrepancy" and not noise_level(physics, torch.ones(1)) > 0:
        return "cannot stop at the noise level of noiseless measurements: use stopping=variance"
    return None
