"""Studies that explain a method, one question each: ``study NAME``."""

import argparse


def study_parser(name, docstring):
    """The parser of a study's arguments; its description is the module's docstring."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmark_inverse_problems study {name}",
        description=docstring,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
