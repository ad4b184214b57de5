"""torchvision without torch's compiler, which it imports for one function.

deepinv imports torchvision. The compiler takes a fourth of all imports of a run, and
whoever compiles a network imports it then.
"""

import sys
from importlib.machinery import PathFinder
from types import ModuleType

USER, WANTED = "torchvision.ops.roi_align", "torch._dynamo.utils"


def is_compile_supported(device_type):
    """torch's function of this name."""
    from torch._dynamo.utils import is_compile_supported as function

    return function(device_type)


class WithoutCompiler:
    """Finds `USER` as usual, and stands in for `WANTED` while it is being imported."""

    def find_spec(self, name, path, target=None):
        if name != USER or WANTED in sys.modules:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                stand_in = ModuleType(WANTED)
                stand_in.is_compile_supported = is_compile_supported
                sys.modules[WANTED] = stand_in
                try:
                    execute(module)
                finally:
                    del sys.modules[WANTED]

            spec.loader.exec_module = exec_module
        return spec


def without_compiler():
    """Let torchvision, if it is not there yet, be imported without torch's compiler."""
    if not any(isinstance(finder, WithoutCompiler) for finder in sys.meta_path):
        sys.meta_path.insert(0, WithoutCompiler())
