"""``python -m benchmark_inverse_problems NAME``: the commands of the suite."""

import codecs
import locale
import os
import sys
from importlib import import_module

from click import ClickException

from . import commands

# With this variable set, errors keep their traceback.
TRACEBACK = "INVERSE_PROBLEMS_TRACEBACK"


def usage():
    """The commands, each with one line."""
    names = commands.names()
    width = max(map(len, names))
    lines = [
        f"  {name:{width}}  {commands.first_line(commands.__path__[0], name)}"
        for name in names
    ]
    head = f"usage: {commands.PROGRAM} NAME ...\n\n`NAME --help` says more of each:"
    return "\n".join((head, *lines))


def main(arguments=None):
    """Run a command.

    Parameters
    ----------
    arguments : list of str or None
        The name and what follows it; None: the command line's.

    Returns
    -------
    int
        The exit status: 2 for a name that is not known.
    """
    if codecs.lookup(locale.getencoding()).name == "ascii":
        print(
            "Python reads files as ASCII here, and cannot read all letters of the suite: "
            "set PYTHONUTF8=1.",
            file=sys.stderr,
        )
        return 1
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help"):
        print(usage())
        return 0
    if name not in commands.names():
        print(f"There is no command {name}.\n\n{usage()}", file=sys.stderr)
        return 2
    module = import_module(f".commands.{name.replace('-', '_')}", __package__)
    try:
        return module.main(rest) or 0
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return commands.INTERRUPTED
    except (ValueError, OSError, ClickException) as error:
        # A user's mistake is one sentence.
        if os.environ.get(TRACEBACK):
            raise
        text = error.format_message() if isinstance(error, ClickException) else error
        print(text, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
