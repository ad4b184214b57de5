"""The educated deep image prior: a pretrained U-Net, fitted to one measurement."""

import copy

from ..networks.unet import SIZES, VOLUMES, GrayUNet, UNet
from ..networks.weights import choose, load_weights
from ..physics.facts import family
from ..physics.initial_estimate import direct_inverse
from ..support.checks import check_known
from ..support.random import normal_like
from .fitting import fit, weight_of_means
from .stopping import LowestLoss

# Standard deviation of the authors' random input.
NOISE_INPUT = 0.1
WARM_UP = 30  # steps
CLIP = 1.0  # largest norm of the gradient, as in the authors' code
# Best on tuning images. A larger weight smooths away what the network has learned, and
# a smaller one lets noise in.
TV_WEIGHT, TV_WEIGHTS = 0.3, {"tomography": 0.1, "cone_beam": 0.1}


def noise_input(physics, y):
    """White noise of the image's shape, for `edip`'s `start`."""
    return NOISE_INPUT * normal_like(physics.A_adjoint(y))


# For tomography "pseudoinverse" is the filtered back-projection, as in the paper. A
# network learns as much from it as from a regularised solution, which takes 15 times as
# long.
STARTS = {"pseudoinverse": direct_inverse, "noise": noise_input}


def load_unet(weights, physics, channels, size="compact"):
    """Load the U-Net with the bundled weights for an operator.

    The weights for tomography come from `training/edip_ct.py`. Those for all other
    operators of pictures come from `training/edip.py`.

    Parameters
    ----------
    weights : {"bundled"}
        The authors published no weights.
    physics : deepinv.physics.LinearPhysics
    channels : {1, 3}
    size : {"compact", "original"}
        Size of the network. Weights of the original size are not bundled. Recipes can
        train them, but not for volumes.

    Raises
    ------
    FileNotFoundError, ValueError
        If the weights are missing or damaged, or `weights` or `size` is not known.
    """
    check_known("size", size, SIZES)
    suffix = "" if size == "compact" else f"_{size}"

    def bundled():
        if family(physics) == "cone_beam":
            return load_weights(UNet(**VOLUMES), "edip_cone_beam")
        if family(physics) == "tomography":
            return load_weights(UNet(**SIZES[size]), f"edip_ct{suffix}")
        network = load_weights(UNet(3, 3, **SIZES[size]), f"edip{suffix}")
        return GrayUNet(network) if channels == 1 else network

    return choose(weights, bundled=bundled)


def fine_tune(
    network,
    z,
    y,
    physics,
    frozen_encoder=False,
    lr=3e-4,
    iterations=200,
    tv_weight="auto",
    bfloat16=True,
):
    """Fit a U-Net to one measurement, from the parameters it has.

    Adam minimises ||A f(z) - y||^2 / 2 + tv_weight * sigma * TV(f(z)). The result is
    the iterate of the lowest loss. The network is changed in place.

    Parameters
    ----------
    network : UNet or GrayUNet
        f.
    z : Tensor
        Input.
    y : Tensor
        Measurements of an image (1, C, *spatial) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
        The operator A, with its noise model; sigma is `noise_level(physics, y)`, at
        least `NOISE_FLOOR`.
    frozen_encoder : bool
        Fit the decoder alone (the paper's variant FE).
    lr : float
        Learning rate of Adam.
    iterations : int
    tv_weight : float or "auto"
        Weight of the anisotropic total variation, in noise levels. "auto": 0.1 for
        tomography, also of volumes, and 0.3 elsewhere.
    bfloat16 : bool
        See `fit`.

    Returns
    -------
    iterator of Tensor
        The estimates (1, C, *spatial), the one before the first step first.
    """
    encoder = {id(p) for p in network.encoder.parameters()} if frozen_encoder else ()
    if tv_weight == "auto":
        tv_weight = TV_WEIGHTS.get(family(physics), TV_WEIGHT)
    return fit(
        network,
        z,
        y,
        physics,
        lr,
        iterations,
        tv_weight=weight_of_means(tv_weight, y, physics, z.shape),
        stopping=LowestLoss(),
        parameters=[p for p in network.parameters() if id(p) not in encoder],
        clip=CLIP,
        warm_up=WARM_UP,
        bfloat16=bfloat16,
    )


def edip(y, physics, network, start="pseudoinverse", **settings):
    """The educated deep image prior (Barbano et al., 2022) of one measurement.

    Parameters
    ----------
    y, physics
        See `fine_tune`.
    network : UNet or GrayUNet
        The pretrained network. It is copied, so that every image starts from the same
        weights.
    start : {"pseudoinverse", "noise"}
        The network's input z: `direct_inverse(physics, y)`, or white noise.
    settings : dict
        Settings of `fine_tune`.

    Returns
    -------
    iterator of Tensor
        The estimates (1, C, *spatial). The first one is the pretrained network's.

    Raises
    ------
    ValueError
        If `start` is not known.
    """
    check_known("input", start, STARTS)
    z = STARTS[start](physics, y)
    return fine_tune(copy.deepcopy(network), z, y, physics, **settings)
