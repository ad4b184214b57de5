"""Checkpoints that libraries download through torch."""

import os
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import torch

from .progress import libraries_quiet


def published_path(file_name):
    """Where torch keeps a published checkpoint once it is downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / file_name


@contextmanager
def loading_safely():
    """Libraries may download and load checkpoints, which can run no code."""
    # Without this setting torch.hub unpickles arbitrary objects.
    with patch.dict(os.environ, TORCH_FORCE_WEIGHTS_ONLY_LOAD="1"), libraries_quiet():
        yield
