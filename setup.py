"""A wheel holds a copy of the plugins, which stand at the repository's top level."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PLUGINS = (
    "objective.py",
    "config.yml",
    "configs/*.yml",
    "datasets/*.py",
    "plots/*.py",
    "solvers/*.py",
)


def plugins():
    """The files of the plugins, relative to the repository."""
    return sorted(str(path) for pattern in PLUGINS for path in Path().glob(pattern))


class WithPlugins(build_py):
    """The build of the package, with the copy that ``suite.py`` looks for."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib, "benchmark_inverse_problems", "plugins")
        # An earlier build may have left files that are gone.
        shutil.rmtree(folder, ignore_errors=True)
        for name in plugins():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, target)

    def get_source_files(self):
        """What a source distribution holds."""
        return super().get_source_files() + plugins()


setup(cmdclass={"build_py": WithPlugins})
