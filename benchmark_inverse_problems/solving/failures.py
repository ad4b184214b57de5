"""Records of failed cells, which benchopt itself leaves out of its results."""

import hashlib
import json
import os
import time
from contextlib import contextmanager
from pathlib import Path

from ..support.atomic import replacing
from ..support.parameters import NotAllowed

FOLDER = "failures"


def record_path(outputs, dataset, solver):
    """Where the failure of one cell is noted."""
    digest = hashlib.sha256(f"{dataset}|{solver}".encode()).hexdigest()[:16]
    return Path(outputs) / FOLDER / f"{digest}.json"


@contextmanager
def recorded(context):
    """Note an exception under ``outputs/failures``, and forget an earlier one on success.

    Parameters
    ----------
    context : benchopt's RunContext or None
        Names the cell; outside of ``benchopt run`` nothing is recorded.
    """
    if context is None or context.run_output_base is None:
        yield
        return
    outputs, place = Path(context.run_output_base).parent, Path.cwd()
    path = record_path(outputs, context.dataset_name, context.solver_name)
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a method may call sys.exit, or raise anything
        kind = "" if isinstance(error, NotAllowed) else f"{type(error).__name__}: "
        record = {
            "dataset": context.dataset_name,
            "solver": context.solver_name,
            "error": kind + first_line(error),
            "time": time.time(),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(record), encoding="utf-8")
        if not printable(error):  # benchopt prints it, and would end the run
            raise RuntimeError(record["error"]) from None
        raise
    else:
        path.unlink(missing_ok=True)
    finally:
        os.chdir(place)  # a method may have left it, and benchopt works there


def first_line(error):
    """The first line of an exception's text that says something, in valid characters."""
    try:
        lines = [line for line in str(error).splitlines() if line.strip()]
        text = lines[0] if lines else repr(error)
    except Exception:  # its own __str__ or __repr__ fails
        text = "without a text"
    return text.encode("utf-8", "replace").decode()


def printable(error):
    """Whether the text of an exception can be made and written."""
    try:
        str(error).encode()
    except Exception:  # whatever its own __str__ raises
        return False
    return True


def read_failures(outputs):
    """The recorded failures, oldest first, as dicts (dataset, solver, error, time)."""
    records = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in Path(outputs).glob(f"{FOLDER}/*.json")
    ]
    return sorted(records, key=lambda record: record["time"])


def hand_over(folder, outputs, done):
    """Put the records of a finished run beside those of all runs.

    Parameters
    ----------
    folder, outputs : path
        The run's own folder, and everybody's.
    done : set of (dataset, solver)
        Cells with results: earlier failures of theirs are forgotten.
    """
    for cell in done:
        record_path(outputs, *cell).unlink(missing_ok=True)
    for path in Path(folder).glob(f"{FOLDER}/*.json"):
        target = Path(outputs) / FOLDER / path.name
        target.parent.mkdir(exist_ok=True)
        path.replace(target)
