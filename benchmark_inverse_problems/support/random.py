"""Random numbers that are the same on every device: they are drawn on the CPU."""

import torch


def normal_like(x):
    """Standard normal numbers of the shape, type, layout and device of a tensor."""
    return torch.randn_like(x, device="cpu").to(x.device)
