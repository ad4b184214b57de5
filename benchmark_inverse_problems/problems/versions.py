"""The frozen versions of the problems: what a score of each of them was measured on.

The list is ``versions.json``: {problem: {version: {name with parameters: fingerprint}}}. An
entry never changes. Measurements that change need a new `version` of the problem's class.
"""

import json
from copy import deepcopy
from pathlib import Path

from ..support.records import read_record

FILE = Path(__file__).with_name("versions.json")


def frozen(file=FILE):
    """The list, see above; versions are texts of whole numbers from 1 on."""
    return read_record(file)


def extended(entries, datasets):
    """The list with the fingerprints of some problems.

    Parameters
    ----------
    entries : dict
        As `frozen` returns it.
    datasets : list of ProblemDataset
        Each with its parameters.

    Raises
    ------
    ValueError
        If measurements differ from those that are frozen, or a version is left out.
    """
    entries = deepcopy(entries)
    for dataset in datasets:
        versions = entries.setdefault(dataset.name, {})
        version, name = str(dataset.version), str(dataset)
        if version not in versions and int(version) != len(versions) + 1:
            raise ValueError(
                f"{dataset.name} has version = {version} after {len(versions)}: take "
                f"{len(versions) + 1}."
            )
        known = versions.setdefault(version, {})
        fingerprint = dataset.get_data()["problem"].fingerprint
        if known.setdefault(name, fingerprint) != fingerprint:
            raise ValueError(
                f"The measurements of {name} changed, so scores of version {version} do "
                f"not compare with its new ones: write version = {int(version) + 1} into "
                f"datasets/{dataset.name}.py."
            )
    return entries


def write(entries, file=FILE):
    text = json.dumps(entries, indent=1, sort_keys=True)
    Path(file).write_text(text + "\n", encoding="utf-8")
