"""The switches of torch and numpy that change numbers, and the state the suite computes in."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch


@dataclass(frozen=True)
class Switch:
    """A global setting of the process, with the state that the suite computes in."""

    read: Callable
    write: Callable
    standard: object

    def move(self, state):
        """Bring it to a state; torch takes milliseconds to write some that stay."""
        if self.read() != state:
            self.write(state)


def attribute(owner, name, standard):
    """The switch that is an attribute of a module."""
    return Switch(
        partial(getattr, owner, name), partial(setattr, owner, name), standard
    )


def autocast(device):
    """The switch of automatic mixed precision on a kind of device."""
    return Switch(
        partial(torch.is_autocast_enabled, device),
        partial(torch.set_autocast_enabled, device),
        False,
    )


def chosen_device():
    """torch's default device, or None if nobody has chosen another than the CPU."""
    device = torch.get_default_device()
    return None if device.type == "cpu" else device


SWITCHES = (
    Switch(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    # "high" and "medium" multiply matrices with fewer bits.
    Switch(
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
        "highest",
    ),
    autocast("cpu"),
    autocast("cuda"),
    Switch(chosen_device, torch.set_default_device, None),
    Switch(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, False),
    Switch(torch.is_grad_enabled, torch.set_grad_enabled, True),
    Switch(
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
        False,
    ),
    attribute(torch.backends.cudnn, "deterministic", False),
    attribute(torch.backends.cudnn, "benchmark", False),
    Switch(
        np.geterr,
        lambda errors: np.seterr(**errors),
        {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"},
    ),
)


def use_standard():
    """Set all switches to what the suite computes in; another plugin may have moved them."""
    for switch in SWITCHES:
        switch.move(switch.standard)


@contextmanager
def standard_numerics():
    """Compute with the standard switches, whatever the process has set.

    Measurements and scores would otherwise change with them, without a word. It is a
    context and a decorator; the switches are afterwards as they were.
    """
    before = [switch.read() for switch in SWITCHES]
    use_standard()
    try:
        with torch.inference_mode(False):
            yield
    finally:
        for switch, state in zip(SWITCHES, before, strict=True):
            switch.move(state)
