"""One fingerprint of the code, the weights and the versions behind a result."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Nothing in these wings changes what a cell of the benchmark computes.
IGNORED = ("report", "commands", "studies", "training")


@cache
def source_fingerprint(package=PACKAGE):
    """Hash of the package's source, its weights' checksums and the main versions.

    benchopt's cache looks at the plugin's own file only. Components return this
    from `_get_state`, so that a change of the package runs their cells again.
    """
    digest = hashlib.sha256()
    for library in ("torch", "deepinv", "numpy", "scikit-image"):
        digest.update(f"{library}={version(library)};".encode())
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package)
        # A weights file is named by the checksum in its JSON.
        if path.suffix in {".py", ".json"} and inside.parts[0] not in IGNORED:
            digest.update(str(inside).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


class FingerprintMixin:
    """Makes a benchopt component's cache key depend on the package."""

    def _get_state(self):
        return {"fingerprint": source_fingerprint()}

    def __setstate__(self, state):
        pass  # the state only serves the cache's key
