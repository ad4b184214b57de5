"""Perceptual distances by networks of others, for those who ask for them.

$INVERSE_PROBLEMS_METRICS names them, as in ``lpips,dists``. Their networks are
torchvision's, whose weights are downloaded at the first use. A distance whose network
cannot be had is NaN, and one sentence says why.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

import torch

from ..support.checkpoints import loading_safely, published_path
from ..support.checks import check_known
from ..support.progress import in_worker

WANTED = "INVERSE_PROBLEMS_METRICS"
# The least side of a picture that all networks take.
SIDE = 32


@dataclass(frozen=True)
class Distance:
    """A distance of two pictures by a network.

    Attributes
    ----------
    build : callable () -> callable
        Makes the function (x_hat, x) -> tensor of pictures (1, 3, H, W) in [0, 1].
    weights : str
        torchvision's class of the weights.
    """

    build: callable
    weights: str

    @property
    def path(self):
        """Where the weights are, or will be."""
        import torchvision

        url = getattr(torchvision.models, self.weights).DEFAULT.url
        return published_path(url.rpartition("/")[2])


def lpips():
    """R. Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual
    Metric", CVPR 2018; by AlexNet.
    """
    from deepinv.loss.metric import LPIPS

    return LPIPS(net_type="alex")


def dists():
    """K. Ding et al., "Image Quality Assessment: Unifying Structure and Texture
    Similarity", IEEE TPAMI, 2022; by VGG-16, without resizing the pictures.
    """
    # torchmetrics' public function loads the network again for each picture.
    from torchmetrics.functional.image.dists import DISTSNetwork

    return DISTSNetwork().eval()


DISTANCES = {
    "lpips": Distance(lpips, "AlexNet_Weights"),
    "dists": Distance(dists, "VGG16_Weights"),
}


def wanted():
    """The distances that $INVERSE_PROBLEMS_METRICS names, in order.

    Raises
    ------
    ValueError
        If it names something else.
    """
    names = os.environ.get(WANTED, "").replace(" ", "").split(",")
    names = sorted({name for name in names if name})
    for name in names:
        check_known(WANTED, name, DISTANCES)
    return names


@cache
def function_of(name):
    """The function of a distance, or None where its network cannot be had.

    The reason is printed once. Random generators are left as they were.
    """
    distance = DISTANCES[name]
    try:
        path = distance.path
        if path.exists():
            check_whole(path)
        with torch.random.fork_rng(devices=[]), loading_safely():
            return distance.build()
    except ImportError as error:
        reason = f'{error}: run pip install -e ".[perceptual]"'
    except OSError as error:
        reason = (
            f"the weights {path.name} are not on disk and could not be downloaded "
            f"({error}): put them at {path}"
        )
    except Exception as error:  # whatever a damaged file makes a library raise
        reason = (
            f"the weights {path} cannot be loaded ({str(error).splitlines()[0]}): remove "
            "them to download them again"
        )
    if not in_worker():
        print(f"{name} is not computed: {reason}.")
    return None


def check_whole(path):
    """Check that a file has the checksum in its name, as torchvision names its weights.

    Raises
    ------
    ValueError
        If it has another one. torch itself looks only at what it downloads.
    """
    start = re.search(r"-([0-9a-f]+)\.", path.name)[1]
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(start):
        raise ValueError("their checksum is not the one in the name of the file")


def distance(name, x_hat, x):
    """A distance of two pictures, or NaN.

    It is NaN where it is not asked for, where its network cannot be had, and for pictures
    with a side of less than 32 pixels.

    Parameters
    ----------
    name : str
        A key of `DISTANCES`.
    x_hat, x : tensor (1, C, H, W)
        In [0, 1], in colour or gray.

    Returns
    -------
    float
    """
    if name not in wanted() or min(x.shape[-2:]) < SIDE:
        return float("nan")
    function = function_of(name)
    if function is None:
        return float("nan")
    pictures = (part.expand(-1, 3, -1, -1) for part in (x_hat, x))
    with torch.no_grad():
        return float(function(*pictures))


def state():
    """What decides the distances of a result: {name: versions} of those computed."""
    found = [name for name in wanted() if function_of(name) is not None]
    versions = [f"{name}={version(name)}" for name in ("torchmetrics", "torchvision")]
    return {name: versions for name in found}
