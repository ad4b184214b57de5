"""Results of a study on disk, so that an interrupted study goes on where it stopped."""

import hashlib
import json
from pathlib import Path

import torch

from ..support.atomic import replacing


class Pieces:
    """Results on disk, by name; each is computed once.

    Parameters
    ----------
    folder : path
    *settings
        What the results depend on. Other settings have other files.
    """

    def __init__(self, folder, *settings):
        text = json.dumps(settings, sort_keys=True)
        self.folder = Path(folder) / hashlib.sha256(text.encode()).hexdigest()[:12]
        self.folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, name, make, *arguments):
        path = self.folder / f"{name}.pt"
        if not path.exists():
            result = make(*arguments)
            with replacing(path) as temporary:
                torch.save(result, temporary)
        return torch.load(path, weights_only=True)
