"""Ranges of axes, and what they leave out."""

import numpy as np


def inside(points):
    """The keys of {key: value} in their order, without those that an axis cannot show.

    These are infinite ones, such as the PSNR of an exact reconstruction, and those far below
    the rest: more than three times as far below the lower quartile as the best value is
    above it.
    """
    values = [value for value in points.values() if np.isfinite(value)]
    if not values:
        return []
    best, quartile = np.max(values), np.quantile(values, 0.25)
    limit = quartile - 3 * (best - quartile)
    return [k for k, value in points.items() if np.isfinite(value) and value >= limit]


def around(values):
    """A range of an axis that shows all values.

    It is None if there are no values. plotly then chooses the range.
    """
    if len(values) == 0:
        return None
    margin = 0.08 * (max(values) - min(values)) or 1
    return min(values) - margin, max(values) + margin


def left_out(solvers, names):
    """A note on solvers that an axis leaves out, with their labels."""
    if not solvers:
        return ""
    return f"outside of the frame: {', '.join(sorted(names[s] for s in solvers))}"
