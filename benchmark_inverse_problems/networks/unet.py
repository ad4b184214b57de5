"""The U-Net of the educated deep image prior."""

import torch
from torch import nn
from torch.nn.functional import interpolate

from .layers import CONVOLUTION, LINEAR

COMPACT = {"widths": (32,) * 5, "skips": (4,) * 4}
# The compact network of volumes.
VOLUMES = {"widths": (16,) * 4, "skips": (4,) * 3, "axes": 3}
# The authors' two-dimensional network.
ORIGINAL = {"widths": (128,) * 6, "skips": (0, 0, 0, 4, 4)}
SIZES = {"compact": COMPACT, "original": ORIGINAL}


def convolution(inputs, outputs, axes, kernel=3, stride=1):
    """Convolution, GroupNorm over all channels, LeakyReLU."""
    return nn.Sequential(
        CONVOLUTION[axes](inputs, outputs, kernel, stride, padding=kernel // 2),
        nn.GroupNorm(1, outputs),
        nn.LeakyReLU(0.2),
    )


class UNet(nn.Module):
    """A U-Net with strided convolutions, linear up-sampling and thin skips.

    The network is that of R. Barbano et al., "An Educated Warm Start for Deep Image
    Prior-Based Micro CT Reconstruction", IEEE Transactions on Computational Imaging,
    2022, in a compact size. The authors' size is `UNet(**ORIGINAL)`. There is no
    sigmoid at the end, and neither input nor output is scaled.

    Parameters
    ----------
    inputs, outputs : int
        Channels of the input and of the image.
    widths : tuple of int
        Features of each scale, the finest first.
    skips : tuple of int
        Channels that pass from the encoder to the decoder at each scale but the
        coarsest, the finest first; 0 for none.
    axes : {2, 3}
        Spatial axes of the images.

    Raises
    ------
    ValueError
        If `skips` does not have one entry fewer than `widths`.
    """

    def __init__(
        self,
        inputs=1,
        outputs=1,
        widths=COMPACT["widths"],
        skips=COMPACT["skips"],
        axes=2,
    ):
        super().__init__()
        if len(skips) != len(widths) - 1:
            raise ValueError(
                f"A U-Net of {len(widths)} scales has {len(widths) - 1} skips and got "
                f"{len(skips)}: give one to each scale but the coarsest."
            )
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.encoder = nn.ModuleList(
            [convolution(inputs, widths[0], axes)]
            + [
                nn.Sequential(
                    convolution(a, b, axes, stride=2), convolution(b, b, axes)
                )
                for a, b in pairs
            ]
        )
        self.skips = nn.ModuleList(
            convolution(width, skip, axes, kernel=1) if skip else None
            for width, skip in zip(widths, skips, strict=False)
        )
        self.decoder = nn.ModuleList(
            nn.Sequential(convolution(b + skip, a, axes), convolution(a, a, axes))
            for (a, b), skip in zip(pairs, skips, strict=True)
        )
        self.head = CONVOLUTION[axes](widths[0], outputs, 1)

    def forward(self, z):
        """The image (B, outputs, *spatial) of an input (B, inputs, *spatial)."""
        features = []
        for block in self.encoder:
            z = block(z)
            features.append(z)
        x = features.pop()
        for block, skip in zip(
            reversed(self.decoder), reversed(self.skips), strict=True
        ):
            fine = features.pop()
            mode = LINEAR[x.ndim - 2]
            x = interpolate(x, fine.shape[2:], mode=mode, align_corners=False)
            x = block(x if skip is None else torch.cat((x, skip(fine)), 1))
        return self.head(x)


class GrayUNet(nn.Module):
    """A network for colour images, applied to gray images (B, 1, H, W).

    Its input has three equal channels. Its result is the mean of the three channels.
    """

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.encoder = network.encoder

    def forward(self, z):
        return self.network(z.expand(-1, 3, -1, -1)).mean(1, keepdim=True)
