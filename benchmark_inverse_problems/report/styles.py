"""The look of a solver: the same colour in every page of every dashboard."""

import hashlib

from .names import harmless, labels, split_name

# The scheme "muted" of P. Tol, "Colour Schemes", SRON/EPS/TN/09-002, 2021: its colours
# stay apart for readers with any of the common colour vision deficiencies.
PALETTE = ("#332288", "#88CCEE", "#44AA99", "#117733", "#999933") + (
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
)
# The colour of neutral things, such as the Pareto front or a line of reference.
GRAY = "#777777"
# plotly's numbers of filled shapes: circle, square, diamond, cross, x, two triangles
# and a pentagon. The star is reserved for results.
MARKERS = (0, 1, 2, 3, 4, 5, 6, 13)
STAR = 17
CIRCLE = 0
OPEN_CIRCLE = 100
DASHES = ("solid", "dash", "dot", "dashdot")
# With this number the methods of each run config have different colours. Only baselines
# (adjoint, pseudoinverse, bicubic) share a colour with another method.
SALT = 6270347


def styles(solvers):
    """How to draw some solvers.

    Colour and shape depend on a solver's name alone, so that a new solver changes no
    other's. There are more solvers than colours. Solvers that share a colour differ in
    shape and dashes. Variants of one solver, which differ in parameters, share its
    colour.

    Parameters
    ----------
    solvers : iterable of str
        Names with their parameters, as in results.

    Returns
    -------
    dict
        {solver: {"solver", "label", "color", "marker", "dash"}}. "solver" is the full
        name and "label" a short one, both harmless. "color" is ``#rrggbb``, "marker"
        and "dash" are plotly's.
    """
    found, variants, names = {}, {}, labels(solvers)
    for solver in sorted(set(solvers)):
        stem, _ = split_name(solver)
        digest = hashlib.md5(f"{SALT} {stem}".encode()).digest()
        shape, colour = divmod(int.from_bytes(digest[:4], "big"), len(PALETTE))
        shape += variants.get(stem, 0)
        variants[stem] = variants.get(stem, 0) + 1
        found[solver] = {
            "solver": harmless(solver),
            "label": names[solver],
            "color": PALETTE[colour],
            "marker": MARKERS[shape % len(MARKERS)],
            "dash": DASHES[shape % len(DASHES)],
        }
    return found


def bubble(value, largest):
    """Diameter in pixels of a bubble whose area grows with a value, 8 to 44."""
    return round(8 + 36 * (value / largest) ** 0.5, 1) if largest > 0 else 8
