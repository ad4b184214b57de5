"""Metrics as data. Every definition (range, clamping, complex images) is here, once."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from skimage.metrics import structural_similarity

from .projections import range_projection

NAN = float("nan")


@dataclass(frozen=True)
class Metric:
    """One column of the results.

    Attributes
    ----------
    description : str
    function : callable (case) -> float
        `case` is a `Case`.
    higher_is_better : bool or None
        None where neither is better.
    unit : str
    digits : int
        Decimals worth showing.
    """

    description: str
    function: Callable
    higher_is_better: bool | None
    unit: str = ""
    digits: int = 2


class Case:
    """One reconstruction with everything that judges it.

    Attributes
    ----------
    x_hat, x : tensor (1, C, H, W)
        Estimate and truth; the truth is in [0, 1]. Estimates are not clamped, as
        in deepinv and in the papers on RAM and FiRe.
    observation : Observation
    cost : Reconstruction
        Runtime, memory and the like.
    """

    def __init__(self, reconstruction, truth, observation):
        self.x_hat, self.x = reconstruction.x_hat.to(truth), truth
        self.observation = observation
        self.cost = reconstruction

    @classmethod
    def of(cls, x_hat, truth, observation):
        """A case without a cost, for tuning."""
        case = cls.__new__(cls)
        case.x_hat, case.x, case.observation = x_hat.to(truth), truth, observation
        return case

    @property
    def factor(self):
        return self.observation.physics.__dict__.get("factor", 1)


def magnitude(x):
    """Complex images (two channels) as their magnitude, others as they are."""
    return x.norm(dim=1, keepdim=True) if x.shape[1] == 2 else x


def luma(x):
    """The Y channel of MATLAB's rgb2ycbcr, in [16, 235] / 255, of (1, 3, H, W)."""
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=x.dtype) / 255
    return (x * weights.view(1, 3, 1, 1)).sum(1, keepdim=True) + 16 / 255


def from_error(error):
    """PSNR in dB, for a peak of 1."""
    return float(-10 * error.double().square().mean().clamp(min=1e-20).log10())


def psnr(case):
    return from_error(magnitude(case.x_hat) - magnitude(case.x))


def ssim(case):
    estimate, truth = (magnitude(x)[0].numpy() for x in (case.x_hat, case.x))
    return float(
        structural_similarity(
            estimate,
            truth,
            channel_axis=0,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def psnr_luma(case):
    if case.x.shape[1] != 3:
        return NAN
    shave = case.factor if case.factor > 1 else 0
    height, width = case.x.shape[-2:]
    inner = (..., slice(shave, height - shave), slice(shave, width - shave))
    estimate = case.x_hat[inner].clamp(0, 1)
    return from_error(luma(estimate) - luma(case.x[inner]))


def residual(case):
    y, physics = case.observation.y, case.observation.physics
    return float((physics.A(case.x_hat) - y).norm() / y.norm().clamp(min=1e-12))


def split_error(case):
    """The error's parts in the row space and in the null space of A."""
    if not hasattr(case, "_split"):
        error = case.x_hat - case.x
        project = range_projection(case.observation.physics, case.observation.shape)
        seen = error if project is None else project(error)
        case._split = (seen, None if project is None else error - seen)
    return case._split


def psnr_range(case):
    return from_error(split_error(case)[0])


def psnr_null(case):
    unseen = split_error(case)[1]
    return NAN if unseen is None else from_error(unseen)


METRICS = {
    "psnr": Metric("peak signal-to-noise ratio, peak 1", psnr, True, "dB"),
    "ssim": Metric(
        "structural similarity (Wang et al., 2004), Gaussian window of 1.5 pixels",
        ssim,
        True,
        digits=4,
    ),
    "psnr_luma": Metric(
        "PSNR of the luma channel, clamped, border shaved by the scale factor",
        psnr_luma,
        True,
        "dB",
    ),
    "residual": Metric("|A x_hat - y| / |y|", residual, None, digits=4),
    "psnr_range": Metric("PSNR in the row space: what A measures", psnr_range, True, "dB"),
    "psnr_null": Metric(
        "PSNR in the null space: what the prior fills in", psnr_null, True, "dB"
    ),
    "runtime": Metric(
        "time of one reconstruction", lambda c: c.cost.runtime, False, "s", 3
    ),
    "peak_memory": Metric(
        "growth of the memory during one reconstruction",
        lambda c: c.cost.peak_memory,
        False,
        "MB",
        0,
    ),
    "parameters": Metric(
        "parameters of the networks", lambda c: c.cost.parameters, False, "", 0
    ),
    "gflops": Metric(
        "10^9 floating-point operations of the convolutions and matrix products of one "
        "reconstruction (without Fourier transforms and pointwise operations)",
        lambda c: c.cost.gflops,
        False,
        "GFLOP",
    ),
}


def judge(reconstruction, truth, observation):
    """All metrics of one reconstruction, as a dict of float."""
    case = Case(reconstruction, truth, observation)
    with torch.no_grad():
        return {key: metric.function(case) for key, metric in METRICS.items()}
