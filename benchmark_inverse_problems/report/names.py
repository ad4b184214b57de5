"""Names of solvers and problems, long and short."""


def harmless(text):
    """A text without angle brackets, because benchopt writes it into a script."""
    return str(text).replace("<", "‹").replace(">", "›")


def split_name(name):
    """The name of a plugin and its parameters, (str, dict of str)."""
    stem, _, rest = name.partition("[")
    items = (item.partition("=") for item in rest.removesuffix("]").split(",") if item)
    return stem, {key.strip(): value.strip() for key, _, value in items}


def stems(names):
    """The names of a Series without their parameters.

    The parameters themselves are benchopt's columns ``p_solver_*`` and ``p_dataset_*``.
    """
    return names.str.split("[", n=1).str[0]


def joined_name(stem, parameters):
    """The name of a plugin from its stem and its parameters, as in `split_name`."""
    text = ",".join(f"{key}={value}" for key, value in parameters.items())
    return f"{stem}[{text}]" if text else stem


def labels(solvers, origin=True):
    """Short names of some solvers, harmless: {solver: label}.

    A label keeps the parameters that distinguish variants of one solver. With `origin`
    it also keeps the parameter `weights`.
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
