"""Restoration models: a degradation D, drawn anew at each use, and a network R."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import deepinv as dinv
import numpy as np
import torch
from deepinv.physics import Denoising, DownsamplingMatlab, GaussianNoise
from torch.nn.functional import pad

from ..networks.complex_images import by_parts
from ..networks.denoisers import SCUNET, in_colour
from ..networks.drunet import PUBLISHED as DRUNET
from ..networks.drunet import load_denoiser, load_jpeg_restorer
from ..networks.ram import PUBLISHED as RAM
from ..networks.ram import load_ram
from ..networks.weights import choose, published
from ..physics.jpeg import JPEG
from ..physics.kernels import QUICK_PATH, motion_kernel
from ..physics.noise import is_poisson
from ..physics.operators.blur import circular_blur, gaussian_blur
from ..physics.operators.downsampling import kept_downsampling
from ..physics.operators.inpainting import inpainting

SWINIR = "001_classicalSR_DF2K_s64w8_SwinIR-M_x2.pth"
RESTORMER = "single_image_defocus_deblurring.pth"
# All checkpoints that the published restoration models need.
CHECKPOINTS = (*DRUNET.values(), SCUNET, SWINIR, RESTORMER, RAM)


def uniform(low, high):
    """A uniform number from torch's generator: torch's seed makes a run repeatable."""
    return low + (high - low) * torch.rand(()).item()


def numpy_generator():
    """A generator for the package's operators, seeded by torch's."""
    return np.random.RandomState(int(torch.randint(2**31, ())))


def noisy(physics, low, high):
    """The operator with Gaussian noise of a random level."""
    physics.noise_model = GaussianNoise(uniform(low, high))
    return physics


def noise(shape, physics):
    """Gaussian noise of 0.1 to 0.2."""
    return noisy(Denoising(), 0.1, 0.2)


def jpeg(shape, physics):
    """JPEG of quality 30 to 80, noise of 0.01 to 0.1."""
    return noisy(JPEG(round(uniform(30, 80))), 0.01, 0.1)


def gaussian(shape, physics):
    """Gaussian blur of 0.5 to 3 pixels, noise of 0.01 to 0.05."""
    return noisy(gaussian_blur(shape, None, uniform(0.5, 3)), 0.01, 0.05)


def motion(shape, physics):
    """Motion blur within 31x31 pixels, noise of 0.01 to 0.05."""
    rng, path = numpy_generator(), (uniform(0.1, 1.2), uniform(0.1, 0.6))
    kernel = motion_kernel(rng, *path, points=QUICK_PATH)
    return noisy(circular_blur(shape, kernel), 0.01, 0.05)


def sr2(shape, physics):
    """Bicubic down-sampling by 2, noise of 0.005 to 0.05."""
    return noisy(kept_downsampling(shape, 2), 0.005, 0.05)


def sr2_matlab(shape, physics):
    """MATLAB's bicubic down-sampling by 2, noise of 0.03 to 0.06 as in FiRe's code."""
    return noisy(DownsamplingMatlab(factor=2), 0.03, 0.06)


def missing(shape, physics):
    """30 to 70 % of the pixels missing, noise of 0.01 to 0.05."""
    mask = inpainting(shape, numpy_generator(), uniform(0.3, 0.7))
    return noisy(mask, 0.01, 0.05)


def measurements(shape, physics):
    """The operator to invert, with its noise: D = A."""
    return physics


def by_level(network, z, degradation):
    """Apply a denoiser, which is told the noise level of the degradation."""
    return network(z, degradation.noise_model.sigma)


def by_operator(network, z, degradation):
    """Apply a reconstructor, which is told the degradation and its noise."""
    return network(z, degradation)


def blindly(network, z, degradation):
    """Apply a network for colour images, which is told nothing of the degradation."""
    return in_colour(network, z)


def load_scunet(channels, solver):
    """SCUNet, which undoes JPEG, noise and blur of unknown strength."""
    return published(dinv.models.SCUNet, solver, SCUNET)


def load_swinir(channels, solver):
    """SwinIR for MATLAB's bicubic down-sampling by 2, without noise."""
    build = partial(
        dinv.models.SwinIR,
        upscale=2,
        img_size=64,
        upsampler="pixelshuffle",
    )
    return published(build, solver, SWINIR)


def load_restormer(channels, solver):
    """Restormer for defocus.

    FiRe's own Restormers for Gaussian and motion blur are not public.
    """
    build = partial(
        dinv.models.Restormer,
        pretrained="defocus_deblurring",
        LayerNorm_type="WithBias",
    )
    return published(build, solver, RESTORMER)


def load_bundled_denoiser(channels, solver):
    return load_denoiser("bundled", channels, solver)


def load_published_denoiser(channels, solver):
    return load_denoiser("published", channels, solver)


def load_bundled_jpeg(channels, solver):
    return load_jpeg_restorer()


def load_bundled_ram(channels, solver):
    """Load the compact RAM without its last step.

    The last step would bring the noise of D back into the image.
    """
    network = load_bundled_reconstructor(channels, solver)
    network.step = None
    return network


def load_bundled_reconstructor(channels, solver):
    """Load the whole compact RAM.

    It is for D = A, whose noise is that of the measurements.
    """
    return load_ram("bundled", "full", solver)


def load_published_ram(channels, solver):
    return load_ram("published", "full", solver)


@dataclass(frozen=True)
class Restoration:
    """One row of the tables of restoration models.

    Attributes
    ----------
    draw : callable (shape, physics) -> deepinv.physics.Physics
        Draws a random degradation D of images of shape (C, H, W), with its noise.
        `physics` is the operator to invert.
    load : callable (channels, solver) -> nn.Module
        The network.
    restore : callable (network, z, D) -> image
        R: how the network is applied to a degraded image z.
    """

    draw: Callable
    load: Callable
    restore: Callable


BUNDLED = {
    "denoiser": Restoration(noise, load_bundled_denoiser, by_level),
    "jpeg": Restoration(jpeg, load_bundled_jpeg, by_level),
    "gaussian": Restoration(gaussian, load_bundled_ram, by_operator),
    "motion": Restoration(motion, load_bundled_ram, by_operator),
    "sr2": Restoration(sr2, load_bundled_ram, by_operator),
    "missing": Restoration(missing, load_bundled_ram, by_operator),
    "measurements": Restoration(measurements, load_bundled_reconstructor, by_operator),
}
PUBLISHED = {
    "denoiser": Restoration(noise, load_published_denoiser, by_level),
    "jpeg": Restoration(jpeg, load_scunet, blindly),
    "gaussian": Restoration(gaussian, load_restormer, blindly),
    "motion": Restoration(motion, load_published_ram, by_operator),
    "sr2": Restoration(sr2_matlab, load_swinir, blindly),
    "missing": Restoration(missing, load_published_ram, by_operator),
    "measurements": Restoration(measurements, load_published_ram, by_operator),
}


class RestorationModel:
    """T = R o D of one restoration network.

    Parameters
    ----------
    restoration : Restoration
    network : nn.Module
    strength : float
        Factor of the noise of D, unless D is the operator to invert.
    complex : bool
        Whether images have a real and an imaginary part. The parts are restored one by
        one (`by_parts`), unless D is the operator to invert.
    """

    def __init__(self, restoration, network, strength=1.0, complex=False):
        self.restoration = restoration
        self.network = network
        self.strength = strength
        self.complex = complex

    def draw(self, x, physics=None, factor=1.0):
        """A random degradation of images like x, with `factor` times its noise."""
        degradation = self.restoration.draw(tuple(x.shape[1:]), physics)
        if self.restoration.draw is not measurements:
            level = factor * self.strength * degradation.noise_model.sigma
            degradation.noise_model = GaussianNoise(level)
        return degradation.to(x.device)

    def restore(self, z, degradation):
        """R z, for z = D x."""
        return self.restoration.restore(self.network, z, degradation)

    def alone(self, x):
        """Apply R to x without degrading x.

        R is told the noise level or the operator of a new D, nothing else of it. D must
        keep the size of the image.
        """
        return self.restore(x, self.draw(x))

    def __call__(self, x, physics=None, factor=1.0):
        """R(D x) for an image (1, C, H, W) in [0, 1], with a new D.

        `physics` is the operator to invert. Models conditioned on measurements use it
        as D. `factor` is one of the noise of D.
        """
        if self.restoration.draw is measurements:
            if is_poisson(physics):
                x = x.clamp(min=0)  # a Poisson rate is not negative
            return self.restore(physics(x), physics)
        restored = partial(self.restored, factor=factor)
        return by_parts(x, restored) if self.complex else restored(x)

    def restored(self, x, factor=1.0):
        """R(D x) with a new D."""
        height, width = x.shape[-2:]
        # Down-sampling by 2 needs even sides.
        x = pad(x, (0, width % 2, 0, height % 2), mode="replicate")
        degradation = self.draw(x, factor=factor)
        return self.restore(degradation(x), degradation)[..., :height, :width]


def restoration_models(prior, weights, example, solver, strength=1.0):
    """The restoration models of a prior. Each network is loaded once.

    Parameters
    ----------
    prior : str
        A key of `BUNDLED`, or several joined by "-".
    weights : {"bundled", "published"}
    example : Observation
        Has the shape of the images, and whether they are complex.
    solver : ReconstructionSolver
        Places the networks on its device. Error messages contain its name.
    strength : float
        See `RestorationModel`.

    Returns
    -------
    list of RestorationModel

    Raises
    ------
    FileNotFoundError, ValueError
        If weights are missing or damaged, or `prior` or `weights` is not known.
    """
    names = prior.split("-")
    if not set(names) <= set(BUNDLED):
        raise ValueError(
            f"prior={prior} is not known: use tuned, one of {', '.join(BUNDLED)}, "
            "or several of them joined by -."
        )
    table = choose(weights, bundled=lambda: BUNDLED, published=lambda: PUBLISHED)
    rows = [table[name] for name in names]
    networks = {row.load: None for row in rows}
    channels = 1 if example.complex else example.shape[1]
    for load in networks:
        networks[load] = solver.place(load(channels, solver.name))
    return [
        RestorationModel(row, networks[row.load], strength, example.complex)
        for row in rows
    ]
