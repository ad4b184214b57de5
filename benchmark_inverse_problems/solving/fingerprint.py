"""Fingerprints of the code, the weights and the versions behind a result."""

import ast
import hashlib
import inspect
import platform
import sys
import sysconfig
from contextlib import suppress
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import version
from importlib.util import resolve_name
from pathlib import Path
from threading import Lock
from uuid import uuid4

from .. import suite
from ..support.digests import joined

PACKAGE = Path(__file__).parents[1]
# Nothing in these changes what a cell of the benchmark computes.
# A wheel's copy of the plugins is none: benchopt hashes each file itself.
IGNORED = ("report", "commands", "studies", "training", "plugins", "evaluation.py")
OPERATORS = Path("physics", "operators")
LIBRARIES = ("torch", "deepinv", "numpy", "scikit-image")
# Python 3.11 parses wrongly, or crashes, where two threads do at once, as with dask.
PARSING = Lock()


@cache
def versions():
    """The suite's commit or version, and those of Python and the main libraries."""
    libraries = (f"{library} {version(library)}" for library in LIBRARIES)
    python = f"Python {platform.python_version()}"
    return ", ".join((suite.version(), python, *libraries))


@cache
def source_fingerprint(package=PACKAGE, tables=()):
    """Hash of the source that every cell uses, its weights and the main versions.

    benchopt's cache looks at the plugin's own file only. Components return this
    from `_get_state`, so that a change of the package runs their cells again. A tuned
    table concerns its solver only, and a file of operators the problems that have one of
    them: the first is left out unless it is asked for, and the second unless methods
    import it. All weights and all metrics count for every cell: only when a solver is built
    is it known which weights it loads, and a result does not keep the images that a new
    metric would need.

    Parameters
    ----------
    package : path
    tables : tuple of str
        Names of the tuned tables that count.
    """
    digest = hashlib.sha256()
    for library in LIBRARIES:
        digest.update(f"{library}={version(library)};".encode())
    for path in used(package, tables):
        digest.update(str(path.relative_to(package)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def used(package, tables):
    """The files behind `source_fingerprint`, sorted."""
    # A weights file is named by the checksum in its JSON.
    found = {p for p in package.rglob("*") if p.suffix in {".py", ".json"}}
    found = {p for p in found if p.relative_to(package).parts[0] not in IGNORED}
    tuned = {p for p in found if p.parent == package / "tuned"}
    found -= {p for p in tuned if p.stem not in tables}
    operators = {p.stem: p for p in found if p.parent == package / OPERATORS}
    found -= set(operators.values())
    methods = {p for p in found if p != package / OPERATORS.parent / "__init__.py"}
    found |= {operators[stem] for p in methods for stem in imported(p) & set(operators)}
    return sorted(found)


def imported(path):
    """The last names of the modules that a file of Python imports from."""
    if path.suffix != ".py":
        return set()
    return imported_in(path.read_text(encoding="utf-8"))


@cache  # each table asks for the same files
def imported_in(text):
    """The last names of the modules that some code imports from."""
    with PARSING:
        tree = ast.parse(text)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {node.module.split(".")[-1] for node in nodes if node.module} | {
        alias.name for node in nodes for alias in node.names
    }


def own_files(file):
    """A plugin's file, and those of the modules beside the suite that it imports.

    Modules of installed packages, of Python and of the suite itself are left out: their
    versions and `source_fingerprint` stand for them.
    """
    found, left = set(), {(Path(file).resolve(), "")}
    while left:
        path, package = left.pop()
        found.add(path)
        for name in modules_in(path.read_text(encoding="utf-8"), package):
            origin = file_of(name)
            if origin and is_own(Path(origin).resolve()):
                inner = Path(origin).resolve()
                its = name if inner.stem == "__init__" else name.rpartition(".")[0]
                left |= {(inner, its)} if inner not in found else set()
    return sorted(found)


def file_of(name):
    """The file of a module, also of one that a function will import; None if there is none."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None)
    spec = spec_of(name)
    return spec.origin if spec and spec.has_location else None


def spec_of(name):
    """What Python finds for a module, without an import; None if it finds nothing."""
    package = name.rpartition(".")[0]
    return PathFinder.find_spec(name, folders_of(package) if package else None)


def folders_of(package):
    """Where the modules of a package are; a module that is no package has none."""
    if package in sys.modules:
        return getattr(sys.modules[package], "__path__", [])
    spec = spec_of(package)
    return (spec and spec.submodule_search_locations) or []


def is_own(path):
    """Whether a file is a module of neither Python, an installed package nor the suite."""
    return path.suffix == ".py" and not any(map(path.is_relative_to, others()))


@cache
def others():
    """The folders of the suite, of Python and of installed packages."""
    installed = map(Path, sysconfig.get_paths().values())
    return [folder.resolve() for folder in (PACKAGE, *installed)]


@cache
def modules_in(text, package):
    """The full names that some code of a package imports as modules, or may."""
    with PARSING:
        tree = ast.parse(text)
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            with suppress(ImportError):  # more dots than the package has parents
                module = "." * node.level + (node.module or "")
                module = resolve_name(module, package)
                names |= {module, *(f"{module}.{a.name}" for a in node.names)}
    return frozenset(names)


def code_of(function):
    """Hash of the file that a function is in."""
    return digest_of(inspect.getfile(function))


def digest_of(file):
    """Hash of a file, which is read."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


class FingerprintMixin:
    """Makes a benchopt component's cache key depend on the package.

    Attributes
    ----------
    tables : tuple of str
        The tuned tables that the component uses.
    reads : tuple of str
        Files that the plugin reads, such as weights of its own, as paths from its file.
        Their content belongs to the key.
    """

    tables = ()
    reads = ()

    @property
    def unusable(self):
        """Whether cells of the component fail before anything is computed."""
        return False

    def _get_state(self):
        state = {"fingerprint": source_fingerprint(tables=self.tables)}
        if self.unusable:
            # benchopt would serve the failure from its cache, without a word.
            state["once"] = uuid4().hex
        file = getattr(self, "_module_filename", None)
        if file is not None:
            read = suite.DIGESTS.of(Path(file).parent / name for name in self.reads)
            digests = {path: digest_of(path) for path in own_files(file)} | read
            state["own"] = joined(
                (path.name, digest) for path, digest in digests.items()
            )
        return state

    def __setstate__(self, state):
        pass  # the state only serves the cache's key
