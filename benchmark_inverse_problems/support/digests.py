"""Digests of files, kept so that a file is read once as long as it does not change."""

import hashlib
import json
import os
from pathlib import Path

from .atomic import NotWritten, replacing


class Digests:
    """SHA-256 of files, kept by path, size, times of the last changes and inode.

    Parameters
    ----------
    path : path
        A JSON file. Where it cannot be written nothing is kept.
    """

    def __init__(self, path):
        self.path = Path(path)

    def of(self, files):
        """The digests of some files, {path: digest}; a missing file has the digest "".

        Parameters
        ----------
        files : iterable of path
        """
        kept = self.read()
        found, changed = {}, False
        for file in map(Path, files):
            key, mark = os.path.realpath(file), mark_of(file)
            if mark is None:
                found[file] = ""
                continue
            if kept.get(key, {}).get("mark") != mark:
                digest = hashlib.sha256(file.read_bytes()).hexdigest()
                kept[key] = {"mark": mark, "digest": digest}
                changed = True
            found[file] = kept[key]["digest"]
        if changed:
            self.write(kept)
        return found

    def read(self):
        """What is kept; a damaged file keeps nothing."""
        try:
            return dict(json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    def write(self, kept):
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.path) as temporary:
                temporary.write_text(json.dumps(kept), encoding="utf-8")
        except (OSError, NotWritten):
            pass


def mark_of(file):
    """What changes with a file's content without reading it, or None without the file."""
    try:
        stat = file.stat()
    except OSError:
        return None
    # Copying tools keep the time of the last change of the content, not the other two.
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def joined(digests):
    """One digest of several, in their order.

    Parameters
    ----------
    digests : iterable of (str, str)
        Names and digests.
    """
    text = "\n".join(f"{name} {digest}" for name, digest in digests)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
