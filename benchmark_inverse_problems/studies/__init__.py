"""Studies that explain a method, one question each.

``python -m benchmark_inverse_problems study NAME`` runs one.
"""

import argparse


def study_parser(name, docstring):
    """The parser of a study's arguments, with the module's docstring as description."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmark_inverse_problems study {name}",
        description=docstring,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
