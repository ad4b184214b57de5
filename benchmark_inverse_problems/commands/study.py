"""Answer a question that one score does not answer."""

from importlib import import_module
from pkgutil import iter_modules

from .. import studies
from ..solving import settings
from ..studies.provenance import provenance
from . import first_line, parser


def questions():
    """{name: question} of the studies: the modules whose first line is a question."""
    folder = studies.__path__[0]
    found = {}
    for module in iter_modules(studies.__path__):
        line = first_line(folder, module.name)
        if line.endswith("?"):
            found[module.name] = line
    return found


def main(arguments):
    """Run a study, which prints its tables, and print their provenance in one line."""
    known = questions()
    listing = "; ".join(f"{name}: {line}" for name, line in known.items())
    options = parser("study", f"Studies. {listing}")
    options.add_argument("name", choices=known, help="`study NAME --help` says more")
    if not arguments or arguments[0] not in known:
        options.parse_args(arguments[:1] or ["--help"])
    name, *rest = arguments
    study = import_module(f"{studies.__name__}.{name}")
    settings.use_threads(settings.threads())
    made = provenance(study.WEIGHTS)  # the code may change during a long study
    study.main(rest)
    print(f"\n{made}")
