"""What depends on the machine, decided once: device, threads, precisions."""

import os
import platform
from functools import cache
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

THREADS = "INVERSE_PROBLEMS_THREADS"
DEVICE = "INVERSE_PROBLEMS_DEVICE"
# Of networks; operators are always in float32.
PRECISIONS = ("float32", "bfloat16")


def device():
    """The device solvers run on: $INVERSE_PROBLEMS_DEVICE, else CUDA if present.

    Raises
    ------
    ValueError
        If the variable names no device that this machine has.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    wanted = os.environ.get(DEVICE, "cuda" if gpus else "cpu")
    known = ["cpu", *(["cuda"] if gpus else []), *(f"cuda:{i}" for i in range(gpus))]
    if wanted not in known:
        raise ValueError(
            f"{DEVICE} is {wanted!r}, which this machine does not have: use one of "
            f"{', '.join(known)}."
        )
    return torch.device(wanted)


@cache
def processor():
    """The model of the processor, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()


def device_name():
    """The device with its model, such as "cpu (AMD EPYC)"."""
    used = device()
    return f"{used} ({model(used)})"


def model(device):
    """The model of a device: of the GPU, or of the processor."""
    on_gpu = torch.device(device).type == "cuda"
    return torch.cuda.get_device_name(device) if on_gpu else processor()


def machine(device):
    """What the device is: cores, architecture, processor or GPU, version of torch."""
    parts = (
        model(device),
        f"{os.cpu_count()} cores",
        platform.machine(),
        f"torch {torch.__version__}",
    )
    return ", ".join(parts)


def threads():
    """The number of threads that solvers run with.

    It is $INVERSE_PROBLEMS_THREADS if set; otherwise what the process has: all
    cores in a sequential run, one in a worker of ``benchopt run -j``.

    Raises
    ------
    ValueError
        If the variable is not a positive whole number.
    """
    wanted = os.environ.get(THREADS)
    if wanted is None:
        return torch.get_num_threads()
    if not wanted.isdigit() or int(wanted) < 1:
        raise ValueError(
            f"{THREADS} is {wanted!r}: set it to a positive whole number of threads."
        )
    return int(wanted)


def use_threads(count):
    """Limit torch and numpy's linear algebra to a number of threads.

    Without the second a run with one thread would be timed with two wherever numpy
    computes.
    """
    torch.set_num_threads(count)
    threadpool_limits(count, user_api="blas")
