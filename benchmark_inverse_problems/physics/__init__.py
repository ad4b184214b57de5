"""All that is known of an operator A and of the noise; it imports no other wing.

What is known of an operator is a generic function of its class (`functools.singledispatch`),
with a default that holds for any operator. A file of `operators/` holds one family: its
factories, and its own answers to those functions. Nothing outside of this wing asks what
class an operator is.
"""

from importlib import import_module
from pkgutil import iter_modules

from . import operators

# The answers of a family are known once its file is imported.
for _file in iter_modules(operators.__path__):
    import_module(f"{operators.__name__}.{_file.name}")
