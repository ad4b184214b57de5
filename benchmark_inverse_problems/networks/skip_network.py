"""The encoder-decoder with thin skip connections of the deep image prior."""

import torch
from torch import nn
from torch.nn.functional import interpolate

from .layers import BATCH_NORM, CONVOLUTION, LAYOUTS, LINEAR

# The network of the paper's denoising: 2.2 million parameters for a colour image.
ORIGINAL = {
    "inputs": 32,
    "widths": (128,) * 5,
    "padding_mode": "reflect",
    "pointwise": True,
}
SIZES = {"compact": {}, "original": ORIGINAL}
# The compact size for pictures and for volumes: channels of the input, and widths.
INPUTS, WIDTHS = {2: 16, 3: 8}, {2: (32,) * 5, 3: (16,) * 4}
# Least side of the coarsest features. Smaller features take time and gain nothing.
COARSEST = 8


def upsample(x, size):
    """Linear interpolation of features to the sides `size`, in their own precision.

    Autocast is switched off, because it would compute in float32. The gradient is
    copied to the layout of the features: without the copy it is a view of the gradient
    of a concatenation, whose layout makes the backward pass ten times slower.
    """
    with torch.autocast(x.device.type, enabled=False):
        x = interpolate(x, size=size, mode=LINEAR[x.ndim - 2])
    if x.requires_grad:
        last = LAYOUTS[x.ndim]
        like = last if is_channels_last(x) else torch.contiguous_format
        x.register_hook(lambda gradient: gradient.contiguous(memory_format=like))
    return x


def is_channels_last(x):
    """Whether features are in channels-last layout and in no other one."""
    last = LAYOUTS[x.ndim]
    return x.is_contiguous(memory_format=last) and not x.is_contiguous()


class ImageHead(nn.Module):
    """The last layer: a pointwise convolution to an image (1, C, *spatial) in float32.

    A sigmoid maps bounded images to [0, 1]. The parts of complex images are not bounded
    and have no sigmoid. Their convolution starts at zero, so that the part of the image
    in the operator's null space starts at zero. It would otherwise start as a random
    picture, which the measurements never correct.
    """

    def __init__(self, features, channels, bias=True, bounded=True, axes=2):
        super().__init__()
        self.convolution = CONVOLUTION[axes](features, channels, 1, bias=bias)
        self.bounded = bounded
        if not self.bounded:
            for parameter in self.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x):
        x = self.convolution(x).float()
        return torch.sigmoid(x) if self.bounded else x


def block(inputs, outputs, kernel_size, stride=1, padding_mode="zeros", axes=2):
    """Convolution, batch normalisation, leaky ReLU."""
    return nn.Sequential(
        CONVOLUTION[axes](
            inputs,
            outputs,
            kernel_size,
            stride,
            padding=kernel_size // 2,
            padding_mode=padding_mode if kernel_size > 1 else "zeros",
            bias=False,  # the normalisation has a bias
        ),
        BATCH_NORM[axes](outputs),
        nn.LeakyReLU(0.2, inplace=True),
    )


class SkipNetwork(nn.Module):
    """The network of the deep image prior, in a compact size.

    D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", CVPR 2018. Each scale of
    the encoder has a strided and a plain convolution. Each scale of the decoder has a
    bilinear up-sampling and a convolution. A skip connection, a 1x1 convolution to few
    channels, joins them. The authors' network is `SkipNetwork(shape, **ORIGINAL)`. That
    of volumes has the same layers with three axes.

    Parameters
    ----------
    shape : tuple of int
        (C, *spatial) of the image, any sides.
    inputs : int or None
        Channels of the input. None: `INPUTS`.
    widths : tuple of int or None
        Features of each scale, the finest first. Scales that would halve an image to
        less than `COARSEST` pixels are left out. None: `WIDTHS`.
    skip : int
        Channels of the skip connection at each scale.
    padding_mode : str
        Padding of the convolutions. "zeros" takes a sixth less time than the paper's
        "reflect".
    pointwise : bool
        Add a 1x1 convolution after each convolution of the decoder, as in the paper.
    bounded : bool
        Whether images are in [0, 1]. The parts of complex images are not.

    Attributes
    ----------
    input_shape : tuple of int
        (1, inputs, *sides). The sides are the image's, rounded up to a multiple of all
        strides together.
    """

    def __init__(
        self,
        shape,
        inputs=None,
        widths=None,
        skip=4,
        padding_mode="zeros",
        pointwise=False,
        bounded=True,
    ):
        super().__init__()
        channels, *self.size = shape
        axes = len(self.size)
        inputs = INPUTS[axes] if inputs is None else inputs
        widths = WIDTHS[axes] if widths is None else widths
        while len(widths) > 1 and min(self.size) < COARSEST * 2 ** len(widths):
            widths = widths[:-1]
        cell = 2 ** len(widths)
        # Two cells at least: a single pixel has no variance for the normalisation.
        padded = (max(2, -(-length // cell)) * cell for length in self.size)
        self.input_shape = (1, inputs, *padded)
        self.skips, self.downs, self.ups = (nn.ModuleList() for _ in range(3))
        finer, coarser = (inputs, *widths[:-1]), (*widths[1:], widths[-1])
        for above, width, below in zip(finer, widths, coarser, strict=True):
            self.skips.append(block(above, skip, 1, axes=axes))
            self.downs.append(
                nn.Sequential(
                    block(above, width, 3, 2, padding_mode, axes),
                    block(width, width, 3, 1, padding_mode, axes),
                )
            )
            self.ups.append(
                nn.Sequential(
                    BATCH_NORM[axes](skip + below),
                    block(skip + below, width, 3, 1, padding_mode, axes),
                    block(width, width, 1, axes=axes) if pointwise else nn.Identity(),
                )
            )
        self.head = ImageHead(widths[0], channels, bounded=bounded, axes=axes)

    def forward(self, z):
        """The image (1, C, *spatial) of an input of the shape `input_shape`."""
        x, passing = z, []
        for skip, down in zip(self.skips, self.downs, strict=True):
            passing.append(skip(x))
            x = down(x)
        for fine, up in zip(reversed(passing), reversed(self.ups), strict=True):
            x = up(torch.cat((fine, upsample(x, fine.shape[2:])), 1))
        return self.head(x)[(..., *map(slice, self.size))]
