"""One reconstruction against the truth: every definition is here, once."""

from statistics import NormalDist

import scipy  # it and skimage import their parts at the first use
import skimage
import torch
from deepinv.loss.metric import GMSD, HaarPSI
from torch.nn.functional import avg_pool2d, avg_pool3d

from ..physics.facts import background, compared, decimation, family, local_kernels
from ..physics.needs import refusal
from ..physics.null_space import range_projection
from . import perceptual
from .metrics import METRICS
from .reconstruction import NAN

# Of the window of SSIM: its deviation in pixels, and its side at 3.5 deviations.
SSIM_DEVIATION, SSIM_SIDE = 1.5, 11
# The side of fastMRI's window of SSIM, which is uniform.
MRI_SIDE = 7
# The settings of its authors, which are for photographs.
HAARPSI = HaarPSI(C=30, alpha=4.2)
# The constant of its authors, whose pictures are in [0, 255].
GMSD_OF_GRAY = GMSD(c=170 / 255**2)
# Averages over neighbours, by the axes of an image.
POOLS = {4: avg_pool2d, 5: avg_pool3d}


class Case:
    """One reconstruction with everything that judges it.

    Attributes
    ----------
    x_hat, x : tensor (1, C, *spatial)
        Estimate and truth; the truth is in [0, 1], or NaN where nobody knows it.
        Estimates are not clamped, as in deepinv and in the papers on RAM and FiRe. What no measurement can see, such
        as a common phase in phase retrieval, is taken from the truth.
    observation : Observation
        With the operator that measured.
    cost : Reconstruction or None
        Runtime, memory and the like, and the spread if the method gives one.
    """

    def __init__(self, x_hat, truth, observation, cost=None):
        self.x_hat, self.x = compared(observation.physics, x_hat.to(truth), truth)
        self.observation, self.cost = observation, cost
        self._split = None
        self.unknown = bool(truth.isnan().any())

    def magnitude(self, x):
        """Complex images as their magnitude, others as they are."""
        return magnitude(x, self.observation.complex)

    def psnr(self):
        return from_error(self.magnitude(self.x_hat) - self.magnitude(self.x))

    def psnr_complex(self):
        """NaN for real images."""
        if not self.observation.complex:
            return NAN
        return from_error(self.magnitude(self.x_hat - self.x))

    def ssim(self):
        """NaN for images that are smaller than the window."""
        estimate, truth = (self.magnitude(x)[0].numpy() for x in (self.x_hat, self.x))
        if min(truth.shape[1:]) < SSIM_SIDE:
            return NAN
        return float(
            skimage.metrics.structural_similarity(
                estimate,
                truth,
                channel_axis=0,
                data_range=1.0,
                gaussian_weights=True,
                sigma=SSIM_DEVIATION,
                use_sample_covariance=False,
            )
        )

    def psnr_luma(self):
        """NaN for images that are not in colour."""
        if self.x.shape[1] != 3:
            return NAN
        factor = decimation(self.observation.physics)
        shave = factor if factor > 1 else 0
        height, width = self.x.shape[-2:]
        inner = (..., slice(shave, height - shave), slice(shave, width - shave))
        estimate = self.x_hat[inner].clamp(0, 1)
        return from_error(luma(estimate) - luma(self.x[inner]))

    def mri(self):
        """Magnitudes of estimate and truth, (*spatial), over the truth's largest one.

        None where this is no MRI of complex images, or the truth is zero.
        """
        known = family(self.observation.physics) in ("mri", "parallel_mri")
        if not self.observation.complex or not known:
            return None
        estimate, truth = (self.magnitude(x)[0, 0] for x in (self.x_hat, self.x))
        peak = truth.max()
        return None if peak == 0 else (estimate / peak, truth / peak)

    def psnr_mri(self):
        """NaN for other images than those of MRI."""
        images = self.mri()
        return NAN if images is None else from_error(images[0] - images[1])

    def ssim_mri(self):
        """NaN for other images than those of MRI, and for those below the window."""
        images = self.mri()
        if images is None or min(images[0].shape[-2:]) < MRI_SIDE:
            return NAN
        # A volume is a stack of slices, whose largest magnitude is that of all.
        stacks = (x.reshape(-1, *x.shape[-2:]).numpy() for x in images)
        scores = [
            skimage.metrics.structural_similarity(
                *pair, data_range=1.0, win_size=MRI_SIDE
            )
            for pair in zip(*stacks, strict=True)
        ]
        return float(sum(scores) / len(scores))

    def nrmse(self):
        """NaN where the truth is zero."""
        estimate, truth = self.magnitude(self.x_hat), self.magnitude(self.x)
        return ratio(estimate - truth, truth)

    def relative_error(self):
        """NaN where the truth is nothing but background."""
        return ratio(self.x_hat - self.x, self.x - background(self.observation.physics))

    def pictures(self):
        """Estimate and truth as they are looked at, (1, 1 or 3, H, W) in [0, 1], float32.

        None where nobody knows the truth, and where the channels are no colours.
        """
        pair = [self.magnitude(x).float().clamp(0, 1) for x in (self.x_hat, self.x)]
        return pair if not self.unknown and pair[0].shape[1] in (1, 3) else None

    def haarpsi(self):
        """NaN where `pictures` are none, or both are constant."""
        pictures = self.pictures()
        return NAN if pictures is None else float(HAARPSI(*pictures))

    def gmsd(self):
        """NaN where `pictures` are none."""
        pictures = self.pictures()
        if pictures is None:
            return NAN
        return float(GMSD_OF_GRAY(*(avg_pool2d(gray(x), 2) for x in pictures)))

    def distance(self, name):
        """A perceptual distance; NaN where `pictures` are none or nobody asks for it."""
        pictures = self.pictures()
        return NAN if pictures is None else perceptual.distance(name, *pictures)

    def residual(self):
        y, physics = self.observation.y, self.observation.physics
        return float((physics.A(self.x_hat) - y).norm() / y.norm().clamp(min=1e-12))

    def split_error(self):
        """The error's parts in the row space and, or None, in the null space of A."""
        if self._split is None:
            error = self.x_hat - self.x
            project = range_projection(self.observation.physics, self.observation.shape)
            seen = error if project is None else project(error)
            self._split = (seen, None if project is None else error - seen)
        return self._split

    def psnr_range(self):
        return from_error(self.split_error()[0])

    def psnr_null(self):
        """NaN where the null space is empty."""
        unseen = self.split_error()[1]
        return NAN if unseen is None else from_error(unseen)

    def spread_ratio(self):
        """NaN for methods that give no spread."""
        return self.uncertainty(
            lambda error, spread: (
                spread.square().mean().sqrt() / error.square().mean().sqrt()
            )
        )

    def uncertainty(self, function):
        """function(error, spread) of all numbers, in float64; NaN without a spread."""
        spread = self.cost.spread
        if spread is None or self.unknown:
            return NAN
        error = (self.x_hat - self.x).double().flatten()
        return float(function(error, spread.to(self.x).double().flatten()))

    def coverage(self, share):
        """Share of the numbers whose error is in the interval that should hold `share`.

        The interval is that of a normal law with the method's spread.
        """
        width = interval(share)
        return self.uncertainty(
            lambda error, spread: (error.abs() <= width * spread).double().mean()
        )

    def kernel_error(self):
        """Norm of the error of the kernel over that of the kernel, once both are centred.

        A shift of the kernel shifts the image the other way: it is not told by y. Of a blur
        that varies, the kernels of some places are compared, each at its own best shift.
        """
        kernels, true = self.cost.kernel, local_kernels(self.observation.physics)
        if kernels is None or true is None:
            return NAN
        size = [2 * max(a, b) for a, b in zip(kernels.shape, true.shape, strict=True)]
        spectra = [torch.fft.fft2(k.double(), s=size[2:]) for k in (kernels, true)]
        # The best shift has the largest correlation.
        correlation = torch.fft.ifft2(spectra[0].conj() * spectra[1]).real
        ours, theirs = (k.double().square().sum((1, 2, 3)) for k in (kernels, true))
        errors = ours + theirs - 2 * correlation.amax((1, 2, 3))
        return float((errors.clamp_min(0).sum() / theirs.sum()) ** 0.5)

    def error_ratios(self):
        """The size of the errors over the spread, of all numbers, (N,)."""
        error = (self.x_hat - self.x).flatten().abs()
        ratios = error / self.cost.spread.to(error).flatten()
        # Without an error and without a spread the method is right.
        return ratios.where(error > 0, 0.0)

    def sharpness(self):
        """Mean spread."""
        return self.uncertainty(lambda error, spread: spread.mean())

    def psnr_bias(self):
        """PSNR that the spread predicts less the true one."""
        return self.uncertainty(
            lambda error, spread: from_error(spread) - from_error(error)
        )

    def spread_rank(self):
        """Rank correlation of spread and size of the error, each averaged over 3x3."""
        spread = self.cost.spread
        if spread is None or self.unknown:
            return NAN
        squares = [(self.x_hat - self.x).square(), spread.to(self.x).square()]
        pool = POOLS[self.x.ndim]
        smooth = [pool(part, 3, 1).flatten().numpy() for part in squares]
        if min(part.std() for part in smooth) == 0:
            return NAN
        return float(scipy.stats.spearmanr(*smooth).statistic)

    def error_level(self):
        """Share of the squared errors that the method thinks possible below the true one."""
        if not self.cost.errors or self.unknown:
            return NAN
        error = float((self.x_hat - self.x).square().mean())
        return sum(other <= error for other in self.cost.errors) / len(self.cost.errors)

    def score(self, metric):
        """A `Metric` of this case as a float, NaN where it has no meaning.

        Raises
        ------
        ValueError
            If the metric's function returns anything else than one number.
        """
        if refusal(metric.needs, self.observation.offers):
            return NAN
        found = metric.function(self)
        try:
            return float(found)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"The metric {metric.label} gives {found!r:.60} instead of one number: let "
                "its function return a float."
            ) from error


def interval(share):
    """Half the width of the interval that holds a share of a normal law, in deviations."""
    return NormalDist().inv_cdf((1 + share) / 2)


def magnitude(x, complex):
    """The magnitude (1, 1, *spatial) of a complex image; others as they are."""
    # torch's norm along so short an axis takes fifty times as long.
    return torch.hypot(x[:, :1], x[:, 1:]) if complex else x


def luma(x):
    """The Y channel of MATLAB's rgb2ycbcr, in [16, 235] / 255, of (1, 3, *spatial)."""
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=x.dtype) / 255
    weights = weights.view(1, 3, *[1] * (x.ndim - 2))
    return (x * weights).sum(1, keepdim=True) + 16 / 255


def gray(x):
    """The luminance of a picture (1, 1 or 3, H, W), in [0, 1]."""
    return (luma(x) - 16 / 255) * (255 / 219) if x.shape[1] == 3 else x


def ratio(error, reference):
    """The norm of an error over that of a reference; NaN where that is zero."""
    size = reference.norm()
    return float(error.norm() / size) if size else NAN


def from_error(error):
    """PSNR in dB, for a peak of 1."""
    return float(-10 * error.double().square().mean().clamp(min=1e-20).log10())


def judge(reconstruction, truth, observation):
    """All metrics of one reconstruction, as a dict of float.

    Those at the end of a run only are NaN for the estimates on the way.
    """
    case = Case(reconstruction.x_hat, truth, observation, reconstruction)
    with torch.no_grad():
        return {
            key: case.score(metric)
            if reconstruction.final or not metric.at_the_end
            else NAN
            for key, metric in METRICS.items()
        }
