"""Residual blocks that see the measurements: the embeddings of RAM."""

import torch
from deepinv.models.ram import Heads, InHead, OutTail, Tails
from torch import nn
from torch.nn.functional import conv2d, pad, relu


class EmbeddingBlock(nn.Module):
    """Features of 2C images: A_s^T y and A_s^T A_s A_s^T y.

    Each channel count has its own encoder, deepinv's `HeadBlock`.
    """

    images = 2

    def __init__(self, width, channels):
        super().__init__()
        self.encoding_conv = Heads(
            list(channels), width, bias=False, c_mult=self.images, skip_in=True
        )

    def forward(self, x, y, physics, img_channels, scale, gain):
        return self.encode([y], x.dtype, gain)

    def encode(self, images, dtype, gain):
        images = joined(images, dtype)
        index = self.encoding_conv.in_channels_list.index(images.shape[1])
        head = getattr(self.encoding_conv, f"head{index}")
        # A 1x1 and a 3x3 convolution of the same images are merged into one 3x3
        # convolution. Small convolutions cost more to call than to compute.
        images = conv2d(
            images, head.convin.weight + widen(head.zero_conv_skip), padding=1
        )
        hidden = relu(head.conv10(images), inplace=True)
        # A gain on the kernels costs less than one on the features.
        features = conv2d(hidden, gain * head.conv20.weight, padding=1)
        features += conv2d(images, gain * head.skipconv0.weight)
        return relu(features, inplace=True)


class KrylovBlock(EmbeddingBlock):
    """Features of y and of {z, A_s^T A_s z}, for two images z decoded from features.

    This is deepinv's `MeasCondBlock` with both images in one call of the operator.
    """

    images = 6

    def __init__(self, width, channels):
        super().__init__(width, channels)
        self.decoding_conv = Tails(width, list(channels), depth=1, bias=False, c_mult=2)
        for channel in range(len(channels)):
            # deepinv builds this convolution and never calls it.
            getattr(self.decoding_conv, f"tail{channel}").zero_conv_skip = None

    def forward(self, x, y, physics, img_channels, scale, gain):
        z = self.decoding_conv(x, img_channels)
        krylov = physics.normal(z, scale)
        return self.encode([y, z, krylov], z.dtype, gain)


class LightKrylovBlock(nn.Module):
    """Features of z, A^T A z and A^T y for one image z decoded from the features.

    It has two convolutions. `KrylovBlock` has six, which at full resolution cost more
    than the residual block that they are part of.
    """

    def __init__(self, width, channels):
        super().__init__()
        self.decoding_conv = OutTail(width, list(channels))
        self.encoding_conv = InHead([3 * c for c in channels], width)

    def forward(self, x, y, physics, img_channels, scale, gain):
        z = self.decoding_conv(x, img_channels)
        images = joined([y, z, physics.normal(z, scale)], z.dtype)
        index = self.encoding_conv.in_channels_list.index(images.shape[1])
        kernel = getattr(self.encoding_conv, f"conv{index}").weight
        return conv2d(images, gain * kernel, padding=1)


def joined(images, dtype):
    """Concatenate images along the channels, in the network's memory layout."""
    # Operators do not keep the layout, and mixed layouts double the cost.
    return torch.cat(
        [i.to(dtype, memory_format=torch.channels_last) for i in images], 1
    )


class EmbeddedResBlock(nn.Module):
    """deepinv's residual block, whose features stay in bfloat16 under autocast.

    `embedding` is the class of the block that sees the measurements, or None. Its gain
    multiplies what is rectified, or, with `rectified_first`, the result. This is the
    same for gains that are not negative.
    """

    def __init__(self, width, channels, embedding, rectified_first):
        super().__init__()
        self.rectified_first = rectified_first
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.PhysicsBlock = None
        if embedding is not None:
            self.gain = nn.Parameter(torch.ones(1))
            self.PhysicsBlock = embedding(width, channels)

    def forward(self, x, physics, y, img_channels, scale):
        u = relu(self.conv1(x), inplace=True)
        residual = self.conv2(u)
        if self.PhysicsBlock is not None:
            inner = 1 if self.rectified_first else self.gain
            features = self.PhysicsBlock(u, y, physics, img_channels, scale, inner)
            if self.rectified_first:
                residual.addcmul_(features, self.gain.to(residual.dtype))
            else:
                residual += features
        # The sum of two types costs four times as much as a conversion and a sum in place.
        return residual.to(x.dtype).add_(x)


def widen(convolution):
    """A 1x1 kernel as a 3x3 one."""
    return pad(convolution.weight, (1, 1, 1, 1))
