"""What iterative methods yield."""

from collections import deque


def last(iterates):
    """The last of some estimates; the others are not kept.

    Raises
    ------
    IndexError
        If there is none.
    """
    return deque(iterates, maxlen=1).pop()
