"""Networks in bfloat16."""

import torch
from torch import nn
from torch.utils._pytree import tree_map_only

from .layers import LAYOUTS

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d, nn.Conv3d, nn.ConvTranspose3d)
# The networks' first and last convolutions run in float32: `drunet.in_float32`.
IN_FLOAT32 = {"m_head", "m_tail"}


def in_fast_layout(network):
    """Change a network's kernels in place to channels-last layout, and return it.

    On CPUs this layout makes convolutions a quarter faster, and in bfloat16 three times
    faster.
    """
    for layer in network.modules():
        if isinstance(layer, CONVOLUTIONS):
            layer.to(memory_format=LAYOUTS[layer.weight.ndim])
    return network


class InBfloat16(nn.Module):
    """A network whose convolutions run in bfloat16.

    Its images stay in float32. Its kernels are rounded in place by `round_kernel`.
    """

    def __init__(self, network):
        super().__init__()
        self.network = network
        with torch.no_grad():
            for name, layer in network.named_modules():
                inner = IN_FLOAT32.isdisjoint(name.split("."))
                if inner and isinstance(layer, CONVOLUTIONS):
                    layer.weight.copy_(round_kernel(layer.weight))

    def forward(self, x, *arguments, **settings):
        with torch.autocast(x.device.type, torch.bfloat16):
            result = self.network(x, *arguments, **settings)
        return tree_map_only(torch.Tensor, torch.Tensor.float, result)


def round_kernel(kernel):
    """Round a kernel to values of bfloat16 that keep the sum of each filter."""
    return rounded_with_sums(kernel, lambda x: x.bfloat16().to(kernel.dtype))


def rounded_with_sums(kernel, nearest):
    """Round a kernel to values that keep the sum of each filter.

    Rounding each value on its own changes the response of a filter to a constant image,
    and smooth images are nearly constant. Here the values are rounded from the largest
    to the smallest, and each takes over the error of those before it. The error of the
    sum is then that of the last and smallest value. Guo et al., "SQuant", ICLR 2022,
    also aim at a sum without error.

    Parameters
    ----------
    kernel : Tensor
        (outputs, inputs, ...) as in `torch.nn.Conv2d`.
    nearest : callable (Tensor) -> Tensor
        The nearest values that can be stored.

    Returns
    -------
    Tensor
        Of the same shape and type.
    """
    filters = kernel.flatten(2)
    order = filters.abs().argsort(-1, descending=True)
    error = 0
    columns = []
    for column in filters.gather(-1, order).unbind(-1):
        rounded = nearest(column + error)
        error = column + error - rounded
        columns.append(rounded)
    rounded = torch.stack(columns, -1)
    return torch.empty_like(filters).scatter(-1, order, rounded).view_as(kernel)
