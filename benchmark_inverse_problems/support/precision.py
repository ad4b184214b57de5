"""The number type that the suite computes in."""

from contextlib import contextmanager

import torch


@contextmanager
def float32_default():
    """Make float32 torch's default type, whatever the process has set.

    Measurements would otherwise change with `torch.set_default_dtype`. It is a context and
    a decorator; the default is afterwards as it was.
    """
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(default)
