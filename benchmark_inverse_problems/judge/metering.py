"""Runtime, peak memory and floating-point operations of one call."""

import ctypes
import gc
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from torch.utils.flop_counter import FlopCounterMode

MB = 2**20
CLEAR_REFS = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
SAMPLING_PERIOD = 0.002  # seconds
# glibc's numbers of two of its settings, and their largest values.
MMAP_THRESHOLD, LARGEST_THRESHOLD = -3, 32 * MB
TRIM_THRESHOLD, NEVER = -1, 2**31 - 1


@dataclass(frozen=True)
class Seconds:
    """What a call took.

    Attributes
    ----------
    wall : float
        Seconds, the device synchronised before each reading of the clock.
    cpu : float
        Seconds of all threads of the process together. Less than `wall` where the process
        waited: for a GPU, or for a core of a loaded machine.
    """

    wall: float
    cpu: float

    def __add__(self, other):
        return Seconds(self.wall + other.wall, self.cpu + other.cpu)


def measure(function, device):
    """Call a function and meter it.

    Returns
    -------
    result
        What the function returned.
    seconds : Seconds
    peak_memory : float
        MB (2**20 bytes) by which the call raised the memory in use: on CUDA the
        allocator's peak, on the CPU the high-water mark of the resident set.
    """
    if device.type == "cuda":
        return cuda_peak(lambda: timed(function, device), device)
    return cpu_peak(lambda: timed(function, device))


def timed(function, device):
    """Call a function: its result and its `Seconds`."""
    synchronize(device)
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    synchronize(device)
    return result, Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def synchronize(device):
    """Wait for the work that is queued on an accelerator."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def cuda_peak(call, device):
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    result, runtime = call()
    return result, runtime, (torch.cuda.max_memory_allocated(device) - before) / MB


def cpu_peak(call):
    # Freed blocks that the allocator keeps would hide what the call allocates.
    trim_heap()
    if reset_high_water_mark():
        before = high_water_mark()
        result, runtime = call()
        return result, runtime, max(0.0, high_water_mark() - before)
    with SampledPeak() as peak:
        result, runtime = call()
    return result, runtime, peak.growth


def trim_heap():
    """Give the heap's free pages back to the system, where glibc can.

    Where it cannot the peak is a lower bound.
    """
    call_glibc("malloc_trim", 0)


def give_back(reference):
    """Free an object that nobody needs any more, and give its memory to the system.

    deepinv's tomography is in a cycle of references, once its adjoint was called: only the
    garbage collector frees it, which Python calls by the number of objects and not by
    their size.

    Parameters
    ----------
    reference : weakref.ref
        Of the object; the caller holds no other reference.
    """
    for generation in range(3):
        if reference() is not None:
            gc.collect(generation)
    trim_heap()


def keep_heap():
    """Let glibc keep the blocks that a method frees until the next `trim_heap`.

    By default each large array is mapped anew and the kernel clears its pages. That takes
    a tenth to a sixth of a network's time on a CPU.
    """
    call_glibc("mallopt", MMAP_THRESHOLD, LARGEST_THRESHOLD)
    call_glibc("mallopt", TRIM_THRESHOLD, NEVER)


def call_glibc(name, *arguments):
    """Call a function of glibc, if this is the C library: its result, or None."""
    try:
        return getattr(ctypes.CDLL("libc.so.6"), name)(*arguments)
    except (OSError, AttributeError):
        return None


def reset_high_water_mark():
    """Set the high-water mark to the memory in use; False where it cannot be."""
    try:
        CLEAR_REFS.write_text("5", encoding="utf-8")
        return "VmHWM" in STATUS.read_text(encoding="utf-8")
    except OSError:
        return False


def high_water_mark():
    """VmHWM of this process, in MB."""
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return int(next(li for li in lines if li.startswith("VmHWM")).split()[1]) / 1024


class SampledPeak:
    """Peak of the resident set by sampling, where the kernel keeps no mark."""

    def __enter__(self):
        self.process = psutil.Process()
        self.before = self.peak = self.process.memory_info().rss
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._sample, daemon=True)
        self.thread.start()
        return self

    def _sample(self):
        while not self.done.wait(SAMPLING_PERIOD):
            self.peak = max(self.peak, self.process.memory_info().rss)

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.peak = max(self.peak, self.process.memory_info().rss)

    @property
    def growth(self):
        """MB above the memory in use at the start."""
        return (self.peak - self.before) / MB


class WholeProgram:
    """In place of torch's tracker of modules: all operations count as one module's."""

    parents = frozenset({"Global"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def count_gflops(function):
    """10^9 operations of the convolutions and matrix products of one call.

    Returns
    -------
    result
        What the function returned.
    gflops : float
        `torch.utils.flop_counter` counts a multiplication and an addition as two. It
        does not count Fourier transforms, interpolations and pointwise operations, so it
        says little about methods without a network.
    """
    counter = FlopCounterMode(display=False)
    # Its hooks, for figures of each module, break operators that get their adjoint by
    # differentiation.
    counter.mod_tracker = WholeProgram()
    with counter:
        result = function()
    return result, counter.get_total_flops() / 1e9
