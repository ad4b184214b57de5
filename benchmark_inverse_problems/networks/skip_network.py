"""The encoder-decoder with thin skip connections of the deep image prior."""

import torch
from torch import nn
from torch.nn.functional import interpolate

# The network of the paper's denoising: 2.2 million parameters for a colour image.
ORIGINAL = {
    "inputs": 32,
    "widths": (128,) * 5,
    "padding_mode": "reflect",
    "pointwise": True,
}
SIZES = {"compact": {}, "original": ORIGINAL}
# Side of the coarsest features: smaller ones take time and gain nothing.
COARSEST = 8


def upsample(x, size):
    """Bilinear interpolation of features to (h, w), in their own precision.

    Autocast would go to float32; and the gradient of a concatenation's part is a view
    whose layout takes a path that is ten times slower.
    """
    with torch.autocast(x.device.type, enabled=False):
        x = interpolate(x, size=size, mode="bilinear")
    if x.requires_grad:
        like = torch.channels_last if is_channels_last(x) else torch.contiguous_format
        x.register_hook(lambda gradient: gradient.contiguous(memory_format=like))
    return x


def is_channels_last(x):
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


class ImageHead(nn.Module):
    """The last, 1x1 convolution: features to an image (1, C, H, W) in float32.

    A sigmoid takes bounded images to [0, 1]. The parts of complex images are not bounded:
    they have no sigmoid, and the convolution starts at zero. What the operator does not see
    then begins as zero, and not as a random picture that nothing corrects.
    """

    def __init__(self, features, channels, bias=True, bounded=True):
        super().__init__()
        self.convolution = nn.Conv2d(features, channels, 1, bias=bias)
        self.bounded = bounded
        if not self.bounded:
            for parameter in self.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x):
        x = self.convolution(x).float()
        return torch.sigmoid(x) if self.bounded else x


def block(inputs, outputs, kernel_size, stride=1, padding_mode="zeros"):
    """Convolution, batch normalisation, leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(
            inputs,
            outputs,
            kernel_size,
            stride,
            padding=kernel_size // 2,
            padding_mode=padding_mode if kernel_size > 1 else "zeros",
            bias=False,  # the normalisation has one
        ),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2, inplace=True),
    )


class SkipNetwork(nn.Module):
    """The network of the deep image prior, in a compact size.

    D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", CVPR 2018: at each scale
    a strided and a plain convolution down, a bilinear up-sampling and a convolution
    up, and a 1x1 convolution to few channels that passes by. Theirs is
    `SkipNetwork(shape, **ORIGINAL)`.

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of the image, any H and W.
    inputs : int
        Channels of the input.
    widths : tuple of int
        Features of each scale, the finest first. Scales that would halve an image to
        less than `COARSEST` pixels are left out.
    skip : int
        Channels that pass by at each scale.
    padding_mode : str
        Of the convolutions; "zeros" takes a sixth less time than the paper's "reflect".
    pointwise : bool
        Follow each convolution up by a 1x1 convolution, as in the paper.
    bounded : bool
        Whether images are in [0, 1]; the parts of complex ones are not.

    Attributes
    ----------
    input_shape : tuple of int
        (1, inputs, h, w): the image's size, rounded up to what the strides divide.
    """

    def __init__(
        self,
        shape,
        inputs=16,
        widths=(32,) * 5,
        skip=4,
        padding_mode="zeros",
        pointwise=False,
        bounded=True,
    ):
        super().__init__()
        channels, *self.size = shape
        while len(widths) > 1 and min(self.size) < COARSEST * 2 ** len(widths):
            widths = widths[:-1]
        cell = 2 ** len(widths)
        # Two cells at least: a single pixel has no variance to normalise by.
        padded = (max(2, -(-length // cell)) * cell for length in self.size)
        self.input_shape = (1, inputs, *padded)
        self.skips, self.downs, self.ups = (nn.ModuleList() for _ in range(3))
        finer, coarser = (inputs, *widths[:-1]), (*widths[1:], widths[-1])
        for above, width, below in zip(finer, widths, coarser, strict=True):
            self.skips.append(block(above, skip, 1))
            self.downs.append(
                nn.Sequential(
                    block(above, width, 3, 2, padding_mode),
                    block(width, width, 3, 1, padding_mode),
                )
            )
            self.ups.append(
                nn.Sequential(
                    nn.BatchNorm2d(skip + below),
                    block(skip + below, width, 3, 1, padding_mode),
                    block(width, width, 1) if pointwise else nn.Identity(),
                )
            )
        self.head = ImageHead(widths[0], channels, bounded=bounded)

    def forward(self, z):
        """The image (1, C, H, W) of an input of the shape `input_shape`."""
        x, passing = z, []
        for skip, down in zip(self.skips, self.downs, strict=True):
            passing.append(skip(x))
            x = down(x)
        for fine, up in zip(reversed(passing), reversed(self.ups), strict=True):
            x = up(torch.cat((fine, upsample(x, fine.shape[-2:])), 1))
        height, width = self.size
        return self.head(x)[..., :height, :width]
