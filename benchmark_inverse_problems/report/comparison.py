"""Who is best, at what price, and where: what the dashboard's pages compute."""

import re

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from .names import joined_name, split_name
from .rows import last_rows

RESAMPLES = 10_000
LEVEL = 0.95
# These say which images a problem takes, not how hard it is.
SAMPLE = {"images", "n_images", "crop"}


def image_scores(rows, metric):
    """One metric of each image: problems and images by solvers (a DataFrame)."""
    return rows.pivot_table(
        index=["dataset_name", "objective_image"],
        columns="solver_name",
        values=f"objective_{metric}",
        sort=False,
    )


def problem_mean(scores):
    """Mean over the images of each problem, then over the problems."""
    return scores.groupby(level="dataset_name").mean().mean()


def best_solver(scores):
    """The highest mean among the solvers with the most images; None without any."""
    counts = scores.count()
    if counts.empty:
        return None
    return problem_mean(scores[counts.index[counts == counts.max()]]).idxmax()


def resampled(groups):
    """The bootstrap of the mean of means of some groups of numbers.

    Each group is resampled by itself: the problems are given, their images are a
    sample. A group of one has no spread to resample.

    Parameters
    ----------
    groups : list of array
        Numbers, one group a problem.

    Returns
    -------
    (float, float), float
        The 95 % interval and the standard error; NaN if each group has one number only.
    """
    if all(len(group) < 2 for group in groups):
        return (np.nan, np.nan), np.nan
    found = bootstrap(
        [group if len(group) > 1 else np.repeat(group, 2) for group in groups],
        lambda *samples, axis: sum(s.mean(axis) for s in samples) / len(samples),
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return tuple(found.confidence_interval), found.standard_error


def differences(scores):
    """How far each solver is from the best one, on the images that both have.

    Parameters
    ----------
    scores : DataFrame
        As `image_scores` returns it.

    Returns
    -------
    DataFrame
        Columns mean, low and high, by solver: the paired difference to the best one,
        a mean over the images of each problem and then over the problems, and its
        interval.
    """
    best = best_solver(scores)
    found = {}
    for solver in scores:
        paired = (scores[solver] - scores[best]).dropna()
        groups = [group.to_numpy() for _, group in paired.groupby(level=0)]
        if not groups:
            continue
        mean = np.mean([group.mean() for group in groups])
        interval, _ = resampled(groups)
        found[solver] = (mean, *interval)
    columns = ["mean", "low", "high"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns)


def wins(scores):
    """On how many problems each solver is the best (a Series)."""
    means = scores.groupby(level="dataset_name").mean()
    return (
        means.dropna(how="all")
        .idxmax(axis=1)
        .value_counts()
        .reindex(scores.columns, fill_value=0)
    )


def pareto_front(points):
    """The solvers that no other beats in both: those of {solver: (cost, quality)}.

    In the order of their costs.
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
    """A problem's name as its stem and its parameters, (str, dict of str).

    A number at the end of the stem is a parameter as well: div2k_sr4 has sr=4.
    """
    stem, parameters = split_name(problem)
    numbered = re.fullmatch(r"(.*?([a-z]+))(\d+)", stem)
    if numbered:
        stem = numbered[1]
        parameters = {numbered[2]: numbered[3]} | parameters
    return stem, parameters


def tasks(df):
    """The problems that differ in one parameter only, from easy to hard.

    Parameters
    ----------
    df : DataFrame
        Results.

    Returns
    -------
    dict
        {task: (parameter, {level: problem})}. The easier of two levels is the one
        whose best solver has the higher PSNR, among the solvers that all levels have.
    """
    found = {}
    for problem in df["dataset_name"].unique():
        stem, parameters = parsed(problem)
        for key in parameters.keys() - SAMPLE:
            rest = {k: v for k, v in parameters.items() if k != key}
            levels = found.setdefault((joined_name(stem, rest), key), {})
            levels[parameters[key]] = problem
    return {
        f"{name}, {key}": (key, by_difficulty(df, levels))
        for (name, key), levels in sorted(found.items())
        if len(levels) > 1
    }


def by_difficulty(df, levels):
    """Levels {level: problem} from easy to hard."""
    rows = pd.concat(last_rows(df, problem) for problem in levels.values())
    means = image_scores(rows, "psnr").groupby(level="dataset_name", sort=False).mean()
    common = means.dropna(axis=1)
    best = (means if common.empty else common).max(axis=1)
    ranked = sorted(levels, key=lambda level: -best.get(levels[level], -np.inf))
    return {level: levels[level] for level in ranked}


def along_levels(df, levels, metric, to_best=False):
    """Means of a metric at the levels 1, 2, ... of a task: {solver: Series}.

    Parameters
    ----------
    levels : dict
        {level: problem}, as in `tasks`.
    to_best : bool
        The differences to the best solver of each level instead.

    Returns
    -------
    dict
        Without the solvers that have one level only.
    """
    if not levels:
        return {}
    rows = pd.concat(last_rows(df, problem) for problem in levels.values())
    means = image_scores(rows, metric).groupby(level="dataset_name").mean()
    means = means.reindex(list(levels.values()))
    means.index = range(1, len(levels) + 1)
    if to_best:
        means = means.sub(means.max(axis=1), axis=0)
    lines = {solver: means[solver].dropna() for solver in means}
    return {solver: line for solver, line in lines.items() if len(line) > 1}
