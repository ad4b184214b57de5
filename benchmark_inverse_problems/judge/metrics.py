"""Metrics as data: one row a column of the results; no torch, as plots read it too."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One column of the results.

    Attributes
    ----------
    label : str
        Short name for tables.
    description : str
    function : callable (case) -> float
        `case` is a `Case`; NaN where the metric has no meaning.
    higher_is_better : bool or None
        None where neither is better.
    unit : str
    digits : int
        Decimals worth showing.
    at_the_end : bool
        True for slow metrics, which are not computed along the curve of an iterative
        solver.
    needs : set of str
        What the problem must offer, keys of `physics.needs.NEEDS`; elsewhere the metric
        is NaN.
    """

    label: str
    description: str
    function: Callable
    higher_is_better: bool | None
    unit: str = ""
    digits: int = 2
    at_the_end: bool = False
    needs: frozenset = frozenset()

    @property
    def title(self):
        """Label and unit."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    @property
    def header(self):
        """The title in a table, short: PSNR goes without its unit."""
        return self.label if self.unit == "dB" else self.title


# Nominal coverages of the intervals, in percent.
SHARES = (50, 80, 90, 95)
METRICS = {
    "psnr": Metric(
        "PSNR", "peak signal-to-noise ratio, peak 1", lambda c: c.psnr(), True, "dB"
    ),
    "psnr_complex": Metric(
        "PSNR complex",
        "PSNR of complex images, whose PSNR is that of the magnitude",
        lambda c: c.psnr_complex(),
        True,
        "dB",
    ),
    "ssim": Metric(
        "SSIM",
        "structural similarity (Wang et al., 2004), Gaussian window of 1.5 pixels",
        lambda c: c.ssim(),
        True,
        digits=4,
    ),
    "psnr_luma": Metric(
        "PSNR luma",
        "PSNR of the luma channel, clamped, border shaved by the scale factor",
        lambda c: c.psnr_luma(),
        True,
        "dB",
    ),
    "psnr_mri": Metric(
        "PSNR MRI",
        "PSNR as fastMRI has it: of the magnitude, peak the largest one of the truth",
        lambda c: c.psnr_mri(),
        True,
        "dB",
    ),
    "ssim_mri": Metric(
        "SSIM MRI",
        "SSIM as fastMRI has it: of the magnitude, mean over slices, uniform window of "
        "7x7 pixels, range the largest magnitude of the truth",
        lambda c: c.ssim_mri(),
        True,
        digits=4,
    ),
    "nrmse": Metric(
        "NRMSE",
        "|x_hat - x| / |x|, of the magnitude of complex images",
        lambda c: c.nrmse(),
        False,
        digits=4,
    ),
    "haarpsi": Metric(
        "HaarPSI",
        "Haar wavelet perceptual similarity (Reisenhofer et al., 2018), of the clamped "
        "picture",
        lambda c: c.haarpsi(),
        True,
        digits=4,
        at_the_end=True,
        needs=frozenset({"2d"}),
    ),
    "gmsd": Metric(
        "GMSD",
        "gradient magnitude similarity deviation (Xue et al., 2014), of the clamped "
        "luminance at half the size",
        lambda c: c.gmsd(),
        False,
        digits=4,
        needs=frozenset({"2d"}),
    ),
    "lpips": Metric(
        "LPIPS",
        "learned distance by AlexNet (Zhang et al., 2018), of the clamped picture; only "
        "if asked for",
        lambda c: c.distance("lpips"),
        False,
        digits=4,
        at_the_end=True,
        needs=frozenset({"2d"}),
    ),
    "dists": Metric(
        "DISTS",
        "learned distance by VGG-16 (Ding et al., 2022), of the clamped picture; only if "
        "asked for",
        lambda c: c.distance("dists"),
        False,
        digits=4,
        at_the_end=True,
        needs=frozenset({"2d"}),
    ),
    "relative_error": Metric(
        "Relative error",
        "|x_hat - x| / |x - background| of operators that are not linear",
        lambda c: c.relative_error(),
        False,
        digits=3,
        needs=frozenset({"not linear"}),
    ),
    "residual": Metric(
        "Residual", "|A x_hat - y| / |y|", lambda c: c.residual(), None, digits=4
    ),
    "psnr_range": Metric(
        "PSNR range",
        "PSNR in the row space: what A measures",
        lambda c: c.psnr_range(),
        True,
        "dB",
        at_the_end=True,
        needs=frozenset({"linear", "null space"}),
    ),
    "psnr_null": Metric(
        "PSNR null",
        "PSNR in the null space: what the prior fills in",
        lambda c: c.psnr_null(),
        True,
        "dB",
        at_the_end=True,
        needs=frozenset({"linear", "null space"}),
    ),
    "kernel_error": Metric(
        "Kernel error",
        "|k_hat - k| / |k| of methods that find the blur, at the best shift",
        lambda c: c.kernel_error(),
        False,
        digits=3,
    ),
    "spread_ratio": Metric(
        "Spread ratio",
        "size of the error that the method expects over that of its error; 1 is right",
        lambda c: c.spread_ratio(),
        None,
    ),
    **{
        f"coverage_{share}": Metric(
            f"Coverage {share} %",
            f"share of the numbers in the {share} % intervals of the method",
            lambda c, share=share: c.coverage(share / 100),
            None,
            digits=3,
        )
        for share in SHARES
    },
    "sharpness": Metric(
        "Sharpness",
        "mean spread; smaller is better at the same coverage",
        lambda c: c.sharpness(),
        None,
        digits=4,
    ),
    "psnr_bias": Metric(
        "PSNR bias",
        "PSNR that the spread predicts, less the true one; 0 is right",
        lambda c: c.psnr_bias(),
        None,
        "dB",
    ),
    "spread_rank": Metric(
        "Spread rank",
        "rank correlation of spread and error in an image, both averaged over 3x3 pixels",
        lambda c: c.spread_rank(),
        True,
        digits=3,
    ),
    "error_level": Metric(
        "Error level",
        "share of the squared errors that the method thinks possible below the true one; "
        "over images it should be uniform",
        lambda c: c.error_level(),
        None,
        digits=3,
    ),
    "runtime": Metric(
        "Runtime", "time of one reconstruction", lambda c: c.cost.runtime, False, "s", 3
    ),
    "cpu_time": Metric(
        "CPU time",
        "processor time of one reconstruction, all threads together; much less than the "
        "runtime on a CPU that was busy with something else",
        lambda c: c.cost.cpu_time,
        False,
        "s",
        3,
    ),
    "peak_memory": Metric(
        "Memory",
        "growth of the memory during one reconstruction",
        lambda c: c.cost.peak_memory,
        False,
        "MB",
        0,
    ),
    "fit_time": Metric(
        "Fit time",
        "time to learn from the measurements of all images, before the first one",
        lambda c: c.cost.fit_time,
        False,
        "s",
        3,
    ),
    "fit_memory": Metric(
        "Fit memory",
        "growth of the memory while the method learned from all measurements",
        lambda c: c.cost.fit_memory,
        False,
        "MB",
        0,
    ),
    "compile_time": Metric(
        "Compile time",
        "time to compile the networks for the size of the image, before the first one",
        lambda c: c.cost.compile_time,
        False,
        "s",
        1,
    ),
    "parameters": Metric(
        "Params",
        "parameters of the networks",
        lambda c: c.cost.parameters,
        False,
        digits=0,
    ),
    "gflops": Metric(
        "FLOP",
        "10^9 floating-point operations of the convolutions and matrix products of one "
        "reconstruction, without Fourier transforms and pointwise operations",
        lambda c: c.cost.gflops,
        False,
        "G",
    ),
}
