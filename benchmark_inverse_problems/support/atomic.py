"""Files that are whole whenever a reader opens them."""

import os
from contextlib import contextmanager
from pathlib import Path


class NotWritten(OSError):
    """A file that could not be written; the message says what to do."""


@contextmanager
def replacing(path):
    """A temporary file beside `path`, which takes its place once it is written.

    A process that is killed leaves what was there, and so does a full disk.

    Parameters
    ----------
    path : path

    Yields
    ------
    Path
        Where to write; its name ends in no suffix that readers look for.

    Raises
    ------
    NotWritten
        If the file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(path)
    except Exception as error:  # each library has its own for a full disk
        raise NotWritten(
            f"{path} cannot be written ({error}): make room there or choose another "
            "folder; what was there is as it was."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def claim(file, folder):
    """Move a whole file into a folder, under a name that nobody else has taken.

    Parameters
    ----------
    file : Path
        On the same file system as the folder.
    folder : Path

    Returns
    -------
    Path
        The new file; ``_1``, ``_2``, ... is added to a name that is taken.
    """
    target, number = folder / file.name, 0
    while not linked(file, target):
        number += 1
        target = folder / f"{file.stem}_{number}{file.suffix}"
    file.unlink(missing_ok=True)
    return target


def linked(file, target):
    """Give a file a second name, if that is free."""
    try:
        os.link(file, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if target.exists():
            return False
        file.rename(target)
    return True
