"""What belongs to the caller of `evaluate`, and is given back as it was."""

import random
from contextlib import contextmanager

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import nn
from torch.nn.parameter import is_lazy

from .precision import standard_numerics


@contextmanager
def process_state():
    """Leave random generators, numbers of threads and numerical switches as they were."""
    threads = torch.get_num_threads()
    pools = ThreadpoolController().lib_controllers
    sizes = [pool.num_threads for pool in pools]
    python, numpy = random.getstate(), np.random.get_state()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices), standard_numerics():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        for pool, size in zip(pools, sizes, strict=True):
            pool.set_num_threads(size)
        torch.set_num_threads(threads)


@contextmanager
def borrowed(method):
    """Leave a module as it was: device, training mode, parameters and buffers of its parts."""
    if not isinstance(method, nn.Module):
        yield
        return
    device = next((x.device for x in method.parameters()), None)
    modes = [(part, part.training) for part in method.modules()]
    kept = [Kept(part) for part in method.modules()]
    try:
        yield
    finally:
        if device is not None:
            method.to(device)
        method.train(modes[0][1])  # its own `train` may do more than set a flag
        for part, training in modes:
            part.training = training
        for part in kept:
            part.restore()


class Kept:
    """The parameters, gradients and buffers of one module, not of its parts.

    A scripted module has tensors that cannot be replaced: only their values are put back.
    """

    def __init__(self, part):
        self.part = part
        self.scripted = isinstance(part, torch.jit.ScriptModule)
        self.parameters = {
            name: (p, p.detach().clone(), p.requires_grad, p.grad, copied(p.grad))
            for name, p in part.named_parameters(recurse=False)
            if not is_lazy(p)
        }
        self.buffers = {
            name: (b, b.detach().clone())
            for name, b in part.named_buffers(recurse=False)
            if not is_lazy(b)
        }
        names = () if self.scripted else ("_buffers", "_parameters", "_modules")
        self.registered = {name: dict(getattr(part, name)) for name in names}

    @torch.no_grad()
    def restore(self):
        """Put everything back."""
        for parameter, value, required, gradient, its_value in self.parameters.values():
            if parameter.shape != value.shape:
                parameter.data = value
            parameter.data.copy_(value)
            parameter.requires_grad_(required)
            if gradient is not None:
                gradient.copy_(its_value)
            parameter.grad = gradient
        for buffer, value in self.buffers.values():
            buffer.copy_(value)
        for name, items in self.registered.items():
            getattr(self.part, name).clear()
            getattr(self.part, name).update(items)


def copied(tensor):
    """A copy of a tensor, or None."""
    return None if tensor is None else tensor.detach().clone()
