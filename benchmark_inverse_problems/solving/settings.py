"""What depends on the machine, decided once: device, threads, precisions, compiling."""

import os
import platform
import shutil
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

THREADS = "INVERSE_PROBLEMS_THREADS"
# More crash the libraries behind torch.
MOST_THREADS = 1024
DEVICE = "INVERSE_PROBLEMS_DEVICE"
COMPILE = "INVERSE_PROBLEMS_COMPILE"
# Of networks; operators are always in float32.
PRECISIONS = ("float32", "bfloat16")
# What solvers' networks are: as torch runs them, compiled, or compiled with CUDA graphs.
COMPILED = OFF, ON, CUDA_GRAPHS = "off", "on", "graphs"
CXX = {"nt": ("cl",)}  # compilers, by the system


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
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
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


def compiled():
    """How solvers' networks are compiled, of `COMPILED`: $INVERSE_PROBLEMS_COMPILE or off.

    off, with a warning, where the machine has no compiler.

    Raises
    ------
    ValueError
        If the variable is not known, or asks for CUDA graphs elsewhere than on a GPU.
    """
    wanted, used = os.environ.get(COMPILE, OFF), device()
    known = COMPILED if used.type == "cuda" else (OFF, ON)
    if wanted not in known:
        raise ValueError(
            f"{COMPILE} is {wanted!r}, which networks on {used.type} cannot be: use one "
            f"of {', '.join(known)}."
        )
    if wanted != OFF and not can_compile(used):
        warn_no_compiler()
        return OFF
    return wanted


def can_compile(device):
    """Whether this machine has the compilers that torch needs for a device."""
    if device.type == "cuda" and find_spec("triton") is None:
        return False
    names = (os.environ.get("CXX"), *CXX.get(os.name, ("g++", "clang++")))
    return any(name and shutil.which(name) for name in names)


@cache
def warn_no_compiler():
    """Warn once in a process."""
    warnings.warn(
        f"Networks run uncompiled: {COMPILE} needs a C++ compiler such as g++, and triton "
        "on a GPU.",
        stacklevel=2,
    )


def threads():
    """The number of threads that solvers run with.

    It is $INVERSE_PROBLEMS_THREADS if set; otherwise what the process has: all
    cores in a sequential run, one in a worker of ``benchopt run -j``.

    Raises
    ------
    ValueError
        If the variable is no whole number from 1 to `MOST_THREADS`.
    """
    wanted = os.environ.get(THREADS)
    if wanted is None:
        return torch.get_num_threads()
    if not wanted.isdecimal() or not 1 <= int(wanted) <= MOST_THREADS:
        raise ValueError(
            f"{THREADS} is {wanted!r}: set it to a whole number of threads from 1 to "
            f"{MOST_THREADS}."
        )
    return int(wanted)


def use_threads(count):
    """Limit torch and numpy's linear algebra to a number of threads.

    Without the second a run with one thread would be timed with two wherever numpy
    computes.
    """
    torch.set_num_threads(count)
    threadpool_limits(count, user_api="blas")
