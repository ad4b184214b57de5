"""What depends on the machine, decided once: device, threads, precisions."""

import os

import torch
from threadpoolctl import threadpool_limits

THREADS = "INVERSE_PROBLEMS_THREADS"
DEVICE = "INVERSE_PROBLEMS_DEVICE"
# Of networks; operators are always in float32.
PRECISIONS = ("float32", "bfloat16")


def device():
    """The device solvers run on: $INVERSE_PROBLEMS_DEVICE, else CUDA if present."""
    default = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(os.environ.get(DEVICE, default))


def threads():
    """Set and return the number of threads, of torch and of numpy's linear algebra.

    It is $INVERSE_PROBLEMS_THREADS if set; otherwise what the process has: all
    cores in a sequential run, one in a worker of ``benchopt run -j``.

    Raises
    ------
    ValueError
        If the variable is not a positive whole number.
    """
    wanted = os.environ.get(THREADS)
    if wanted is not None:
        if not wanted.isdigit() or int(wanted) < 1:
            raise ValueError(
                f"{THREADS} is {wanted!r}: set it to a positive whole number of threads."
            )
        torch.set_num_threads(int(wanted))
    # Else a run with one thread would be timed with two wherever numpy computes.
    threadpool_limits(torch.get_num_threads(), user_api="blas")
    return torch.get_num_threads()
