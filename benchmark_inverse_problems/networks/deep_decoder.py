"""The deep decoder: images from fewer parameters than pixels, without convolutions."""

import torch
from torch import nn

from .skip_network import ImageHead, upsample

# The paper's setting for denoising 512x512 colour images. It has 100224 parameters,
# an eighth of the numbers in an image.
ORIGINAL = {"channels": 128}
# Side of the input, as in the paper. A side of 8 fits more slowly and worse.
COARSEST = 16
SIZES = {"compact": {}, "original": ORIGINAL}


class DeepDecoder(nn.Module):
    """The deep decoder.

    R. Heckel, P. Hand, "Deep Decoder: Concise Image Representations from Untrained
    Non-convolutional Networks", ICLR 2019. Each layer is a linear combination of the
    channels (a 1x1 convolution), bilinear up-sampling by two, ReLU and channel
    normalisation. The last layer has no up-sampling. Pixels are coupled by the
    up-sampling only. The authors' network for 512x512 images is
    `DeepDecoder(shape, **ORIGINAL)`. The default has the same ratio of parameters to
    pixels at 256x256.

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of the image, any H and W.
    channels : int
        Channels of every layer but the last.
    scales : int
        Up-samplings.
    bounded : bool
        Whether images are in [0, 1]. The parts of complex images are not.

    Attributes
    ----------
    input_shape : tuple of int
        (1, channels, h, w), about 2^scales times smaller than the image.
    """

    def __init__(self, shape, channels=64, scales=5, bounded=True):
        super().__init__()
        outputs, height, width = shape
        # Sizes of the features that enter each layer: half of the next size, rounded
        # up, but at least COARSEST where the image is that large.
        self.sizes = [(height, width)]
        for _ in range(scales):
            self.sizes.insert(
                0, tuple(max(-(-n // 2), min(n, COARSEST)) for n in self.sizes[0])
            )
        self.input_shape = (1, channels, *self.sizes[0])
        self.combine = nn.ModuleList(
            nn.Conv2d(channels, channels, 1, bias=False) for _ in range(scales + 1)
        )
        self.normalise = nn.ModuleList(
            nn.BatchNorm2d(channels) for _ in range(scales + 1)
        )
        self.head = ImageHead(channels, outputs, bias=False, bounded=bounded)

    def forward(self, z):
        """The image (1, C, H, W) of an input of the shape `input_shape`."""
        x = z
        sizes = [*self.sizes[1:], self.sizes[-1]]
        for size, combine, normalise in zip(
            sizes, self.combine, self.normalise, strict=True
        ):
            x = combine(x)
            if x.shape[-2:] != size:
                x = upsample(x, size)
            x = normalise(torch.relu(x))
        return self.head(x)
