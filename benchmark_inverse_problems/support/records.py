"""JSON files of the suite: tuned tables, descriptions of weights, fingerprints."""

import json
from pathlib import Path


def read_record(file):
    """The names with values of a JSON file that is part of the suite.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    try:
        record = json.loads(Path(file).read_text(encoding="utf-8"))
        why = "" if isinstance(record, dict) else "it holds no names with values"
    except ValueError as error:  # also bytes that are no text
        why = str(error)
    if why:
        raise ValueError(
            f"{file} is no JSON of the suite ({why}): restore it from the repository."
        )
    return record
