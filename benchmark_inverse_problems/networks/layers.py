"""Layers and memory layouts by the number of axes: of pictures and of volumes."""

import torch
from torch import nn

# By the spatial axes of an image.
CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
BATCH_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
LINEAR = {2: "bilinear", 3: "trilinear"}
# By the axes of a tensor or a kernel: those of the image and two more.
LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}
