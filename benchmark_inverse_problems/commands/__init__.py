"""What a person types: one module a command, ``python -m benchmark_inverse_problems NAME``."""

import argparse
import ast
from pathlib import Path
from pkgutil import iter_modules

PROGRAM = "python -m benchmark_inverse_problems"
INTERRUPTED = 130  # the exit status of a command that Ctrl-C ended


def names():
    """The names of all commands, found by listing this folder."""
    return sorted(m.name.replace("_", "-") for m in iter_modules(__path__))


def first_line(folder, name):
    """The first line of a module's docstring, without importing it."""
    path = Path(folder) / f"{name.replace('-', '_')}.py"
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return docstring.splitlines()[0]


def parser(name, description):
    """The parser of a command's arguments."""
    return argparse.ArgumentParser(
        prog=f"{PROGRAM} {name}", description=description, allow_abbrev=False
    )
