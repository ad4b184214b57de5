"""Tables of results for a paper.

Problems are rows, solvers are columns, each number is the mean over the images. Other
layouts are those of the papers on RAM, RIM and FiRe.
"""

import re
from dataclasses import dataclass

import pandas as pd

from ..judge.metrics import METRICS
from ..support.text import markdown_table
from .cells import PLUS_MINUS
from .comparison import SAMPLE, image_means, image_scores, parsed, standard_error
from .names import joined_name, labels, split_name
from .published import published
from .rows import ALL, OUTSIDE, last_rows, mixed_problems, outside_cells, shown

FORMATS = ("markdown", "latex", "csv")
MARK = " (published)"
NAN = float("nan")
NUMBER = r"(?<==)\d+(?:\.\d+)?"


@dataclass(frozen=True)
class Layout:
    """How a table is arranged.

    Attributes
    ----------
    metrics : tuple of str
        Keys of `METRICS`; those without values are left out.
    methods_in_rows : bool
        Whether the methods are rows. The problems are then columns, grouped by task.
    parameters : bool
        Whether a column counts the networks' parameters.
    deviation : bool
        Whether the mean has its standard deviation, from bootstrap samples.
    """

    metrics: tuple = ("psnr",)
    methods_in_rows: bool = False
    parameters: bool = False
    deviation: bool = False


LAYOUTS = {
    "plain": Layout(),
    "ram": Layout(methods_in_rows=True, parameters=True),
    "rim": Layout(metrics=("psnr", "psnr_luma", "ssim"), deviation=True),
    "fire": Layout(methods_in_rows=True),
}


def pivot(df, metric):
    """Mean of a metric, problems by solvers (a DataFrame); NaN if a solver skips.

    Raises
    ------
    ValueError
        If the results hold no value of it, or those of a problem are of different
        measurements.
    """
    for problem, marks in mixed_problems(df).items():
        raise ValueError(
            f"The results of {problem} are of different measurements (fingerprints "
            f"{', '.join(marks)}) and do not compare: run all of its solvers again."
        )
    if metric not in shown(df):
        raise ValueError(
            f"The results hold no value of {metric}: use one of {', '.join(shown(df))}."
        )
    scores = image_scores(last_rows(df, ALL), metric)
    table = image_means(scores)
    return table.rename(columns=labels(table.columns)).rename_axis(None, axis=1)


def outside_marks(df, metric=None):
    """What to write after the cells outside of what their network learned.

    Parameters
    ----------
    df : DataFrame
    metric : str, optional
        The table's: cells without a value of it have no mark.

    Returns
    -------
    marks : dict
        {(problem, label of the solver): mark}
    notes : list of str
    """
    if metric is not None:
        df = df[df[f"objective_{metric}"].notna()]
    cells = outside_cells(df)
    names = labels(df["solver_name"].unique())
    marks = {(problem, names[solver]): OUTSIDE for problem, solver in cells}
    hows = {}
    for (_, solver), how in cells.items():
        hows.setdefault(how, {}).setdefault(names[solver])
    texts = "; ".join(f"{', '.join(found)}: {how}" for how, found in hows.items())
    return marks, [f"{OUTSIDE} outside of its training. {texts}."] if cells else []


def incomplete_notes(df, metric):
    """Which solvers have no mean of a metric for lack of images, a list of at most one text.

    Parameters
    ----------
    df : DataFrame
    metric : str
    """
    scores = image_scores(last_rows(df, ALL), metric)
    scores = scores.rename(columns=labels(scores.columns))
    some = scores.groupby(level="dataset_name", sort=False).count() > 0
    without = (some & image_means(scores).isna()).stack()
    cells = [f"{solver} on {problem}" for problem, solver in without.index[without]]
    return [f"No {metric} on some images: {', '.join(cells)}."] if cells else []


def deviations(df, metric):
    """The standard deviation of each mean of `pivot`, from bootstrap samples.

    NaN where there is one image only.
    """
    scores = image_scores(last_rows(df, ALL), metric)
    scores = scores.rename(columns=labels(scores.columns))
    groups = scores.groupby(level="dataset_name", sort=False)
    return groups.agg(lambda column: standard_error(column.dropna().to_numpy()))


def with_published(table, metric):
    """The table with columns of published figures, marked as such, and their sources.

    Figures are added only if the protocol is the same: the same whole images with the
    same noise.
    """
    figures, sources = published(table.index, metric)
    columns = {f"{method}{MARK}": figures[method] for method in figures}
    methods = {}
    for method, source in sources.items():
        methods.setdefault(source, []).append(method)
    notes = [f"{', '.join(names)}: {source}." for source, names in methods.items()]
    return table.join(pd.DataFrame(columns, index=table.index)), notes


def arranged(df, layout, with_figures=False):
    """A table of results in some layout, and notes on it.

    Parameters
    ----------
    df : DataFrame
        Results.
    layout : Layout
    with_figures : bool
        Whether published figures of the same protocol stand beside ours.

    Returns
    -------
    table : DataFrame
        Texts, with the best in bold. Problems have one level of headers for their task
        and one for their level.
    notes : list of str
    """
    names, notes = headers(df["dataset_name"].unique())
    marks, remarks = outside_marks(df)
    blocks = {}
    wanted = [metric for metric in layout.metrics if metric in shown(df)]
    for metric in wanted or layout.metrics:
        means = pivot(df, metric)
        remarks += incomplete_notes(df, metric)
        spreads = deviations(df, metric) if layout.deviation else pd.DataFrame()
        if with_figures:
            means, sources = with_published(means, metric)
            notes += [source for source in sources if source not in notes]
        means = means.dropna(how="all")
        means = means.reindex(in_order(means.index, names))
        blocks[METRICS[metric].header] = texts(means, spreads, METRICS[metric], marks)
    table = pd.concat(blocks).fillna("")
    table.index = pd.MultiIndex.from_tuples(
        [(metric, *names[problem]) for metric, problem in table.index]
    )
    if len(blocks) == 1:
        table = table.droplevel(0)
    if layout.methods_in_rows:
        table = table.T
    if layout.parameters:
        counts = df.groupby("solver_name")["objective_parameters"].max()
        counts = counts.rename(labels(counts.index)).map(abbreviated)
        counts = counts.reindex(table.index, fill_value="")
        first = ("Params", *[""] * (table.columns.nlevels - 1))
        table.insert(0, first, counts)
    return table, notes + remarks


def texts(means, spreads, metric, marks):
    """Means, with their deviations and marks where there are any, and the best in bold."""
    rounded = means.round(metric.digits)
    best = rounded.max(axis=1)
    table = means.astype(object)
    for problem, method in rounded.stack().dropna().index:
        text = f"{means.loc[problem, method]:.{metric.digits}f}"
        spread = spreads[method].get(problem, NAN) if method in spreads else NAN
        if not pd.isna(spread):
            text += f"{PLUS_MINUS}{spread:.{metric.digits}f}"
        if metric.higher_is_better and rounded.loc[problem, method] == best[problem]:
            text = f"**{text}**"
        table.loc[problem, method] = text + marks.get((problem, method), "")
    return table


def headers(problems):
    """Two-part names of some problems, {problem: (task, level)}, and notes.

    The notes state the parameters that all problems of a task share.
    """
    split = {problem: parsed(problem) for problem in problems}
    names, notes = {}, {}
    for problem, (stem, parameters) in split.items():
        others = [p for s, p in split.values() if s == stem]
        varied = {
            k: v for k, v in parameters.items() if any(p.get(k) != v for p in others)
        }
        level = {k: v for k, v in varied.items() if k not in SAMPLE}
        sample = {k: v for k, v in varied.items() if k in SAMPLE}
        own, named = split_name(problem)
        if parameters.keys() - varied.keys() - named.keys():
            stem = own  # the number at its end is the same for all
        shared = {k: v for k, v in named.items() if k not in varied}
        level = ", ".join(f"{key}={value}" for key, value in level.items())
        names[problem] = (joined_name(stem, sample), level)
        if shared:
            notes[stem] = f"{stem}: {', '.join(f'{k}={v}' for k, v in shared.items())}."
    return names, list(notes.values())


def in_order(problems, names):
    """Problems in the order of tasks, and of increasing numbers within a task.

    Levels that are words, such as easy and hard, keep their order.
    """
    words = [re.sub(NUMBER, "", " ".join(names[problem])) for problem in problems]
    first = {word: place for place, word in reversed(list(enumerate(words)))}
    tasks = list(dict.fromkeys(names[problem][0] for problem in problems))

    def key(item):
        problem, word = item
        task, level = names[problem]
        numbers = [float(number) for number in re.findall(NUMBER, level)]
        return tasks.index(task), first[word], numbers

    return [
        problem for problem, _ in sorted(zip(problems, words, strict=True), key=key)
    ]


def abbreviated(count):
    """A number of parameters as a short text, such as 456K or 1.1M; empty for none."""
    if pd.isna(count) or count == 0:
        return ""
    return f"{count / 1e3:.0f}K" if count < 999_500 else f"{count / 1e6:.1f}M"


def formatted(table, format, digits, notes=(), label="problem", counts=(), marks=None):
    """The table as a text.

    Parameters
    ----------
    table : DataFrame
        Numbers, or texts. ``**`` around a text makes it bold.
    format : {"markdown", "latex", "csv"}
        LaTeX needs the packages booktabs and, for names of several parts, multirow. CSV
        has all digits and neither notes nor marks.
    digits : int
    notes : list of str
        Lines below the table.
    label : str
        What the rows are.
    counts : iterable of str
        Columns of whole numbers, which have no decimals.
    marks : dict or None
        {(row, column): what to write after the number}.
    """
    if format == "csv":
        plain = table.map(lambda v: v.strip(f"*{OUTSIDE}") if isinstance(v, str) else v)
        plain.index, plain.columns = map(one_line, plain.index), map(one_line, plain)
        return plain.to_csv(index_label=label)
    cells = table.apply(
        lambda column: column.map(
            lambda value: cell_text(value, 0 if column.name in counts else digits)
        )
    )
    for (row, column), mark in (marks or {}).items():
        cells.loc[row, column] += mark
    if format == "latex":
        cells = cells.map(latex).rename(index=latex, columns=latex)
        align = "l" * cells.index.nlevels + "r" * len(cells.columns)
        cells.index.names = [None] * cells.index.nlevels
        text = cells.to_latex(column_format=align, multicolumn_format="c")
        return "\n".join((text, *map(latex, notes)))
    rows = [(one_line(name), *values) for name, values in cells.iterrows()]
    lines = markdown_table([label, *map(one_line, cells)], rows, numbers=True)
    return "\n".join((lines, *(["", *notes] if notes else [])))


def cell_text(value, digits):
    if isinstance(value, str):
        return value
    return "" if pd.isna(value) else f"{value:.{digits}f}"


def one_line(name):
    """A name of one or several parts as one text."""
    return " ".join(filter(None, name)) if isinstance(name, tuple) else name


def latex(text):
    """A text with LaTeX's special characters escaped and bold marks translated."""
    text = re.sub(r"([_%&#$])", r"\\\1", text).replace(PLUS_MINUS, r" $\pm$ ")
    text = text.replace(OUTSIDE, r"$^\dagger$")
    return re.sub(r"\*\*(.*?)\*\*", r"\\textbf{\1}", text)
