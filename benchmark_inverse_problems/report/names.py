"""Names of solvers and problems, long and short."""

from collections import Counter


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


def usual(problems):
    """The parameters that most of some problems have with the same value, {name: value}."""
    items = Counter(
        item for problem in problems for item in split_name(problem)[1].items()
    )
    return {
        key: value
        for (key, value), count in items.items()
        if count == len(problems) or count > max(1, len(problems) / 2)
    }


def problem_names(problems):
    """Short names of the problems of a run, harmless: {problem: name}.

    A name leaves out what is `usual`. Names that would then be the same stay whole.
    """
    common = usual(problems).items()
    short = {}
    for problem in problems:
        stem, parameters = split_name(problem)
        kept = dict(item for item in parameters.items() if item not in common)
        short[problem] = joined_name(stem, kept)
    counts = Counter(short.values())
    return {
        problem: harmless(problem if counts[name] > 1 else name)
        for problem, name in short.items()
    }


def listed(parameters):
    """Parameters as a text."""
    return ", ".join(f"{key}={value}" for key, value in parameters.items())


def heading(problem, problems, *lines, count=None):
    """The title of a page on one problem: its short name, the rest of it, and `lines`.

    Parameters
    ----------
    problem : str
    problems : iterable of str
        All of the run.
    lines : str
        Further lines. Empty ones are left out.
    count : int or None
        The number of images, for the first line.
    """
    short = problem_names(problems).get(problem, harmless(problem))
    common = usual(problems).items()
    rest = dict(item for item in split_name(problem)[1].items() if item in common)
    first = short
    if count is not None:
        first += f", n = {count} image{'' if count == 1 else 's'}"
        rest.pop("n_images", None)
    whole = "" if short == harmless(problem) else listed(rest)
    return "\n".join(map(harmless, filter(None, [first, whole, *lines])))
