"""Checks of the values that users give."""


def check_known(name, value, known):
    """Check that a parameter has one of its values.

    Parameters
    ----------
    name : str
        The parameter, as users write it.
    value : object
    known : iterable of str
        All values that it may have.

    Raises
    ------
    ValueError
        If it has another one.
    """
    known = list(known)
    if value not in known:
        raise ValueError(f"{name}={value} is not known: use one of {', '.join(known)}.")
