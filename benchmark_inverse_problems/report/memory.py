"""What several pages need of the same table is found once while the pages are made."""

import contextlib
from functools import wraps

# {what was asked for: (the table, the answer)} of the pages that are being made, or None.
_memory = None


@contextlib.contextmanager
def remembering():
    """Let functions that are `remembered` keep what they return, up to the end.

    Nobody may change a table meanwhile, nor what the functions return.
    """
    global _memory
    before, _memory = _memory, {}
    try:
        yield
    finally:
        _memory = before


def remembered(function):
    """A function of a table, and of arguments that can be hashed, that answers twice alike.

    Tables are told apart by their identity, because comparing them takes as long as most
    answers.
    """

    @wraps(function)
    def answer(table, *arguments, **named):
        if _memory is None:
            return function(table, *arguments, **named)
        key = function, id(table), arguments, *sorted(named.items())
        if key not in _memory:
            # The table is kept too: another one could get its identity.
            _memory[key] = table, function(table, *arguments, **named)
        return _memory[key][1]

    return answer
