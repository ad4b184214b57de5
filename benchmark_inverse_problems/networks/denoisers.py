"""Denoisers `D(x, sigma)` by name, deepinv's and the suite's, for every method that uses one.

The images are (B, 1, H, W) or (B, 3, H, W) with values about [0, 1], and sigma is the
standard deviation of their white noise in the same range.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec

import deepinv as dinv
from torch import nn
from torch.nn.functional import pad

from ..support.checkpoints import published_path
from ..support.checks import check_known
from .complex_images import ComplexDenoiser
from .drunet import PUBLISHED as DRUNET
from .drunet import load_denoiser
from .weights import published

SCUNET = "scunet_color_real_psnr.pth"
SWINIR_LEVELS = (15, 25, 50)  # of 255
# Factors of sigma of the denoisers that are not made for one noise level. Each has the
# best mean PSNR on the tuning images, see `docs/papers.md`.
TV_WEIGHT = 1.0
TGV_WEIGHT = 10.0
WAVELET_THRESHOLD = 1.4
BILATERAL_RANGE = 2.8
BILATERAL_SPACE = 1.5  # pixels
BILATERAL_WINDOW = 9
MEDIAN_WINDOW = 5


class Classical(nn.Module):
    """A denoiser without weights.

    Parameters
    ----------
    method : callable (x, sigma) -> x_hat
    """

    def __init__(self, method):
        super().__init__()
        self.method = method

    def forward(self, x, sigma):
        return self.method(x, sigma)


def bm3d(channels):
    return Classical(dinv.models.BM3D())


def total_variation(channels):
    # A new denoiser for each image: deepinv's starts from the variables of its last one.
    return Classical(lambda x, s: dinv.models.TVDenoiser()(x, ths=TV_WEIGHT * s))


def generalised_variation(channels):
    return Classical(lambda x, s: dinv.models.TGVDenoiser()(x, ths=TGV_WEIGHT * s))


def wavelet(channels):
    denoiser = dinv.models.WaveletDictDenoiser()
    return Classical(lambda x, s: denoiser(x, ths=WAVELET_THRESHOLD * s))


def bilateral(channels):
    denoiser = dinv.models.BilateralFilter()
    settings = {"sigma_d": BILATERAL_SPACE, "window_size": BILATERAL_WINDOW}
    return Classical(lambda x, s: denoiser(x, sigma_r=BILATERAL_RANGE * s, **settings))


def median(channels):
    return Classical(dinv.models.MedianFilter(kernel_size=MEDIAN_WINDOW))


class Padded(nn.Module):
    """A network for images whose sides are multiples of some number."""

    def __init__(self, network, multiple):
        super().__init__()
        self.network, self.multiple = network, multiple

    def forward(self, x, sigma):
        height, width = x.shape[-2:]
        sides = (0, -width % self.multiple, 0, -height % self.multiple)
        x = self.network(pad(x, sides, mode="replicate"), sigma)
        return x[..., :height, :width]


def in_colour(network, x, *arguments):
    """Apply a network for colour images; gray ones are repeated to three equal channels."""
    if x.shape[1] == 3:
        return network(x, *arguments)
    return network(x.expand(-1, 3, -1, -1), *arguments).mean(1, keepdim=True)


class InColour(nn.Module):
    """A denoiser that has weights for colour images only."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, sigma):
        return in_colour(self.network, x, sigma)


class NearestLevel(nn.Module):
    """Networks for one noise level each; the nearest one is applied.

    Parameters
    ----------
    networks : dict
        {level: network}.
    """

    def __init__(self, networks):
        super().__init__()
        self.levels = list(networks)
        self.networks = nn.ModuleList(networks.values())

    def forward(self, x, sigma):
        gaps = [abs(level - float(sigma)) for level in self.levels]
        return self.networks[gaps.index(min(gaps))](x)


def gradient_step(channels):
    return dinv.models.GSDRUNet(
        in_channels=channels, out_channels=channels, pretrained="download"
    )


def ffdnet(channels):
    layers, features = {1: (15, 64), 3: (12, 96)}[channels]
    network = dinv.models.FFDNet(layers, features, img_channels=channels)
    return Padded(network, 2)


def swinir(channels):
    build = partial(
        dinv.models.SwinIR, in_chans=channels, upscale=1, img_size=128, upsampler=""
    )
    build = partial(build, depths=[6] * 6, num_heads=[6] * 6, embed_dim=180)
    return NearestLevel(
        {s / 255: build(pretrained_noise_level=s) for s in SWINIR_LEVELS}
    )


def restormer(channels):
    return dinv.models.Restormer(in_channels=channels, out_channels=channels)


def deal(channels):
    return dinv.models.DEAL(color=channels == 3, device="cpu", clamp_output=False)


# Of `SWINIR_LEVELS`, by the channels of the images.
SWINIR = {
    1: (
        "004_grayDN_DFWB_s128w8_SwinIR-M_noise15.pth",
        "004_grayDN_DFWB_s128w8_SwinIR-M_noise25.pth",
        "004_grayDN_DFWB_s128w8_SwinIR-M_noise50.pth",
    ),
    3: (
        "005_colorDN_DFWB_s128w8_SwinIR-M_noise15.pth",
        "005_colorDN_DFWB_s128w8_SwinIR-M_noise25.pth",
        "005_colorDN_DFWB_s128w8_SwinIR-M_noise50.pth",
    ),
}


@dataclass(frozen=True)
class Entry:
    """A denoiser that methods choose by its name.

    Attributes
    ----------
    build : callable (channels) -> nn.Module
        Makes it for images of 1 or 3 channels. It downloads what `files` lack.
    files : dict
        {channels: names of the authors' checkpoints}. Empty without such.
    package : str
        A package that it needs, as pip names it, which is an extra of the suite.
    """

    build: Callable
    files: dict = field(default_factory=dict)
    package: str = ""


def both(name):
    """The same checkpoint for gray and colour images."""
    return {1: (name,), 3: (name,)}


COMPACT = "compact_drunet"
DENOISERS = {
    COMPACT: Entry(lambda channels: load_denoiser("bundled", channels, "dpir")),
    "bm3d": Entry(bm3d, package="bm3d"),
    "tv": Entry(total_variation),
    "tgv": Entry(generalised_variation),
    "wavelet": Entry(wavelet, package="ptwt"),
    "bilateral": Entry(bilateral),
    "median": Entry(median),
    "epll": Entry(
        lambda channels: dinv.models.EPLLDenoiser(channels=channels),
        {1: ("GMM_BSDS_gray2.pt",), 3: ("GMM_BSDS_color2.pt",)},
    ),
    "dncnn": Entry(
        lambda channels: dinv.models.DnCNN(channels, channels),
        {1: ("dncnn_sigma2_gray.pth",), 3: ("dncnn_sigma2_color.pth",)},
    ),
    "dsccp": Entry(
        lambda channels: InColour(dinv.models.DScCP()), both("ckpt_dsccp.pth.tar")
    ),
    "ffdnet": Entry(ffdnet, {1: ("ffdnet_gray.pth",), 3: ("ffdnet_color.pth",)}),
    "drunet": Entry(
        lambda channels: dinv.models.DRUNet(channels, channels),
        {channels: (name,) for channels, name in DRUNET.items()},
    ),
    "gsdrunet": Entry(
        gradient_step,
        {1: ("GSDRUNet_grayscale_torch.ckpt",), 3: ("GSDRUNet_torch.ckpt",)},
    ),
    "scunet": Entry(lambda channels: InColour(dinv.models.SCUNet()), both(SCUNET)),
    "swinir": Entry(swinir, SWINIR),
    "restormer": Entry(
        restormer,
        {
            1: ("gaussian_gray_denoising_blind.pth",),
            3: ("gaussian_color_denoising_blind.pth",),
        },
    ),
    "deal": Entry(deal, {1: ("deal_gray.pth",), 3: ("deal_color.pth",)}),
}
# The denoisers that need no download.
READY = [name for name, entry in DENOISERS.items() if not entry.files]


def missing_package(name):
    """What a denoiser lacks on this machine, as the end of a sentence, or None."""
    package = DENOISERS[name].package
    if not package or find_spec(package):
        return None
    return f"needs the package {package} for {name}: run `pip install {package}`"


def checkpoints(name):
    """The file names of all checkpoints of a denoiser."""
    return tuple(file for files in DENOISERS[name].files.values() for file in files)


def load_named(name, channels, solver):
    """A denoiser by its name.

    Parameters
    ----------
    name : str
        A key of `DENOISERS`.
    channels : {1, 3}
        Channels of the images.
    solver : str
        Name of the solver, for error messages.

    Returns
    -------
    nn.Module
        `denoiser(x, sigma)` for images (B, C, H, W), with a float sigma.

    Raises
    ------
    FileNotFoundError, ValueError
        If weights are missing or damaged, or the name is not known.
    """
    check_known("model", name, DENOISERS)
    entry = DENOISERS[name]
    build = partial(entry.build, channels)
    if not entry.files:
        return build()
    files = entry.files[channels]
    missing = [file for file in files if not published_path(file).exists()]
    return published(build, solver, (missing or files)[0], f"model={COMPACT}")


def denoiser_named(example, name, solver):
    """Load a denoiser for the images of a problem, and place it for a solver.

    Parameters
    ----------
    example : Observation
    name : str
        A key of `DENOISERS`.
    solver : ReconstructionSolver
        `solver.place` moves it to the device and counts its parameters.

    Returns
    -------
    callable (x, sigma) -> x_hat
        Complex images are denoised part by part.
    """
    channels = 1 if example.complex else example.shape[1]
    denoiser = solver.place(load_named(name, channels, solver.name))
    return ComplexDenoiser(denoiser) if example.complex else denoiser
