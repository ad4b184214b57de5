"""Names of solvers and problems, long and short."""

import pandas as pd


def harmless(text):
    """A text without angle brackets: benchopt writes it into a script element."""
    return str(text).replace("<", "‹").replace(">", "›")


def split_name(name):
    """The name of a plugin and its parameters, (str, dict of str)."""
    stem, _, rest = name.partition("[")
    items = (item.partition("=") for item in rest.removesuffix("]").split(",") if item)
    return stem, {key.strip(): value.strip() for key, _, value in items}


def split_names(names):
    """`split_name` of a Series: columns "stem" and one a parameter, NaN where it is not."""
    parts = [{"stem": stem} | found for stem, found in map(split_name, names)]
    return pd.DataFrame(parts, index=names.index)


def joined_name(stem, parameters):
    """What `split_name` splits."""
    text = ",".join(f"{key}={value}" for key, value in parameters.items())
    return f"{stem}[{text}]" if text else stem


def labels(solvers, origin=True):
    """Short names of some solvers, harmless: {solver: label}.

    Of the parameters those are left that tell variants of one solver apart, and with
    `origin` that of the weights.
    """
    split = {solver: split_name(solver) for solver in solvers}
    values = {}
    for stem, parameters in split.values():
        values.setdefault(stem, []).append(parameters)
    found = {}
    for solver, (stem, parameters) in split.items():
        kept = {
            key: value
            for key, value in parameters.items()
            if (origin and key == "weights")
            or any(p.get(key) != value for p in values[stem])
        }
        found[solver] = harmless(joined_name(stem, kept))
    return found
