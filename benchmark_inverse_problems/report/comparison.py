"""Comparisons of solvers for the dashboard's pages."""

import re

import numpy as np
import pandas as pd
import scipy  # it imports its parts at the first use

from ..judge.metrics import SHARES
from .memory import remembered
from .names import joined_name, problem_names, split_name
from .rows import ALL, last_rows

RESAMPLES = 10_000
LEVEL = 0.95
# Parameters that choose the images of a problem, and not its difficulty.
SAMPLE = {"images", "n_images", "crop"}


@remembered
def image_scores(rows, metric):
    """One metric of each image: problems and images by solvers (a DataFrame)."""
    return rows.pivot_table(
        index=["dataset_name", "objective_image"],
        columns="solver_name",
        values=f"objective_{metric}",
        sort=False,
    )


def image_means(scores):
    """Means over the images: problems by solvers (a DataFrame).

    Means over different images do not compare. A solver without a score on an image that
    another solver has one on has no mean (NaN).
    """
    groups = scores.groupby(level="dataset_name", sort=False)
    lacking = scores.isna() & scores.notna().any(axis=1).to_numpy()[:, None]
    return groups.mean().mask(lacking.groupby(level="dataset_name", sort=False).any())


def problem_mean(scores):
    """Mean over the images of each problem, then over the problems."""
    return image_means(scores).mean()


@np.errstate(invalid="ignore")
def deviation(scores):
    """The standard deviation of each solver's scores, a Series; NaN with infinite ones."""
    return scores.std()


def mean_points(rows, *metrics):
    """Means of some metrics, {solver: (number, ...)}, of solvers with all of them."""
    means = pd.DataFrame({m: problem_mean(image_scores(rows, m)) for m in metrics})
    return {solver: tuple(line) for solver, line in means.dropna().iterrows()}


def coverages(rows):
    """Shares of the pixels in the intervals, {solver: list of percent}, of `SHARES`."""
    metrics = [f"coverage_{share}" for share in SHARES]
    if not all(f"objective_{metric}" in rows for metric in metrics):
        return {}
    found = mean_points(rows, *metrics)
    return {solver: [100 * x for x in reached] for solver, reached in found.items()}


def gaps(scores, reference):
    """Differences to a reference, of scores that may be infinite.

    The difference of two infinite PSNR, of two exact reconstructions, is 0.
    """
    return scores.sub(reference, axis=0).mask(scores.eq(reference, axis=0), 0.0)


def best_solver(scores):
    """The solver with the highest mean among those with the most images, or None."""
    counts = scores.count()
    if counts.empty:
        return None
    return problem_mean(scores[counts.index[counts == counts.max()]]).idxmax()


@np.errstate(invalid="ignore")
def mean_interval(groups):
    """The 95 % interval of the mean of means of some groups of numbers, (low, high).

    Student's t, with Satterthwaite's degrees of freedom for several groups: it covers 95 %
    also where groups have three or four numbers, where the bootstrap covers less than 80 %.
    Each group has a spread of its own, because the problems are fixed and their images are a
    sample.

    Parameters
    ----------
    groups : list of array
        Numbers, one group per problem.

    Returns
    -------
    (float, float)
        NaN if a group has one number only, or an infinite one: its spread is not known.
    """
    if any(len(group) < 2 for group in groups):
        return np.nan, np.nan
    mean = np.mean([group.mean() for group in groups])
    variances = np.array([group.var(ddof=1) / len(group) for group in groups])
    total = variances.sum()
    if total == 0:
        return mean, mean
    degrees = total**2 / sum(
        variance**2 / (len(group) - 1)
        for variance, group in zip(variances, groups, strict=True)
    )
    reach = (
        scipy.special.stdtrit(degrees, (1 + LEVEL) / 2) * np.sqrt(total) / len(groups)
    )
    return mean - reach, mean + reach


def standard_error(numbers):
    """The standard error of a mean, from bootstrap samples; NaN of fewer than two numbers."""
    if len(numbers) < 2:
        return np.nan
    return scipy.stats.bootstrap(
        [numbers],
        np.mean,
        n_resamples=RESAMPLES,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(0),
    ).standard_error


@remembered
def differences(scores):
    """How far each solver is from the best one, on the images that both have.

    Parameters
    ----------
    scores : DataFrame
        As `image_scores` returns it.

    Returns
    -------
    DataFrame
        Columns mean, low, high and images, by solver. The mean is that of the paired
        differences to the best solver, over the images of each problem and then over
        the problems. low and high are its 95 % interval, images is the number of pairs.
    """
    best, found = best_solver(scores), {}
    problems, names = pd.factorize(scores.index.get_level_values(0), sort=True)
    places = [problems == number for number in range(len(names))]
    for solver in scores:
        paired = gaps(scores[solver], scores[best]).to_numpy()
        known = ~np.isnan(paired)
        groups = [paired[known & place] for place in places if known[place].any()]
        if not groups:
            continue
        mean = np.mean([group.mean() for group in groups])
        found[solver] = (mean, *mean_interval(groups), known.sum())
    columns = ["mean", "low", "high", "images"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns)


def not_distinguishable(scores):
    """The best of some solvers, and those with an interval that reaches it, a set.

    Parameters
    ----------
    scores : DataFrame
        As `image_scores` returns it, of solvers that compare.
    """
    table = differences(scores)
    reached = (table["low"] <= 0) & (table["high"] >= 0)
    return {*table.index[reached], best_solver(scores)} - {None}


def wins(scores):
    """The number of problems on which each solver is the best (a Series)."""
    return (
        image_means(scores)
        .dropna(how="all")
        .idxmax(axis=1)
        .value_counts()
        .reindex(scores.columns, fill_value=0)
    )


def pareto_front(points):
    """The Pareto front of {solver: (cost, quality)}, in the order of the costs.

    No other solver is both cheaper and better than a solver on the front.
    """
    front, best = [], -np.inf
    for solver, (_, quality) in sorted(
        points.items(), key=lambda p: (p[1][0], -p[1][1])
    ):
        if quality > best:
            front.append(solver)
            best = quality
    return front


def parsed(problem):
    """The stem and the parameters of a problem's name, (str, dict of str).

    A number at the end of the stem is also a parameter: div2k_sr4 has sr=4.
    """
    stem, parameters = split_name(problem)
    numbered = re.fullmatch(r"(.*?([a-z]+))(\d+)", stem)
    if numbered:
        stem = numbered[1]
        parameters = {numbered[2]: numbered[3]} | parameters
    return stem, parameters


@remembered
def tasks(df):
    """The groups of problems that differ in one parameter only, from easy to hard.

    Parameters
    ----------
    df : DataFrame
        Results.

    Returns
    -------
    dict
        {task: (parameter, {level: problem})}. The task has a short name. A level is easier
        if its best solver has a higher PSNR. Only solvers with results at all levels count.
    """
    found = {}
    for problem in df["dataset_name"].unique():
        stem, parameters = parsed(problem)
        for key in parameters.keys() - SAMPLE:
            rest = {k: v for k, v in parameters.items() if k != key}
            levels = found.setdefault((joined_name(stem, rest), key), {})
            levels[parameters[key]] = problem
    found = {task: levels for task, levels in sorted(found.items()) if len(levels) > 1}
    short = problem_names({name for name, _ in found})
    return {
        f"{short[name]}, {key}": (key, by_difficulty(df, levels))
        for (name, key), levels in found.items()
    }


def by_difficulty(df, levels):
    """Levels {level: problem} from easy to hard."""
    means = problem_means(df, levels.values(), "psnr")
    common = means.dropna(axis=1)
    best = (means if common.empty else common).max(axis=1)
    ranked = sorted(levels, key=lambda level: -best.get(levels[level], -np.inf))
    return {level: levels[level] for level in ranked}


def problem_means(df, problems, metric):
    """Means of a metric over the images: problems by the solvers that have any of them."""
    scores = image_scores(last_rows(df, ALL), metric)
    return image_means(scores).reindex(list(problems)).dropna(axis=1, how="all")


def along_levels(df, levels, metric, to_best=False):
    """Means of a metric at the levels 1, 2, ... of a task: {solver: Series}.

    Parameters
    ----------
    levels : dict
        {level: problem}, as in `tasks`.
    to_best : bool
        Return the differences to the best solver of each level instead.

    Returns
    -------
    dict
        {solver: Series}, without the solvers that have one level only.
    """
    if not levels:
        return {}
    means = problem_means(df, levels.values(), metric)
    means.index = range(1, len(levels) + 1)
    if to_best:
        means = gaps(means, means.max(axis=1))
    lines = {solver: means[solver].dropna() for solver in means}
    return {solver: line for solver, line in lines.items() if len(line) > 1}
