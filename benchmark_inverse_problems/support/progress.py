"""Progress with the time left, for people who watch; silence for machines."""

import multiprocessing
import os
import sys
from contextlib import contextmanager
from unittest.mock import patch

from tqdm import tqdm


def in_ci():
    """Whether $CI is set, as services that run tests do."""
    return bool(os.environ.get("CI"))


def in_worker():
    """Whether this process is a worker among others."""
    return multiprocessing.current_process().name != "MainProcess"


def quiet():
    """Whether nobody watches: no terminal, $CI is set, or a worker among others."""
    return in_ci() or not sys.stderr.isatty() or in_worker()


def progress(items, label, total=None):
    """Iterate, and show how many items are done and the time left; then clear the line.

    Parameters
    ----------
    items : iterable
    label : str
    total : int or None
        How many items there are at most, where `len` cannot say.
    """
    return tqdm(items, label, total, leave=False, disable=quiet(), delay=1)


@contextmanager
def libraries_quiet():
    """The bars of libraries that download are silent where ours are."""
    start = tqdm.__init__

    def silent(self, *arguments, **settings):
        start(self, *arguments, **settings | {"disable": True})

    with patch.object(tqdm, "__init__", silent if quiet() else start):
        yield
