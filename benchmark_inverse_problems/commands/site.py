"""Write the pages of the documentation that come from the plugins.

Writes the pages of problems, solvers and run configs, the lists of the page on the
dashboard, and the figures of all pages into ``docs/``. ``make docs`` builds the site from
them. Their texts come from the plugins, figures from the tables of their pages, and the
places of solvers from result files.
"""

import base64
import inspect
import json
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml
from benchopt.benchmark import Benchmark
from benchopt.utils.parametrized_name_mixin import product_param

from ..judge.metrics import METRICS
from ..judge.pictures import gallery
from ..physics.catalogue import OPERATORS
from ..problems.images import IMAGE_SETS
from ..report.comparison import SAMPLE, image_means, image_scores
from ..report.figures import write_figures
from ..report.leaderboard import DIFFERENCE
from ..report.names import labels, problem_names
from ..report.overall import paired_to_best
from ..report.rows import ALL, last_rows, machine_text, shown
from ..report.submitted import combined, read_submitted
from ..solving.iterative import IterativeSolver
from ..suite import BENCHMARK, REPOSITORY, in_checkout
from ..support.text import markdown_table
from . import parser
from .readme import first_line

GENERATED = ("problems", "solvers", "lists", "figures")
COSTS = ("psnr", "ssim", "runtime", "peak_memory", "parameters")
NO_RESULTS = """There was no result file when these pages were made. `make docs FILE=outputs/NAME.parquet`
takes one."""


@dataclass
class Example:
    """A problem plugin with its first settings, on images that need no download."""

    cls: type

    @cached_property
    def dataset(self):
        point = dict(next(product_param(self.cls.parameters)))
        if point["images"] == "auto":
            # Images on this machine's disk are not used, so that the pages are the same
            # everywhere.
            generated = IMAGE_SETS[self.cls.image_set].open is not None
            point["images"] = self.cls.image_set if generated else "bundled"
        return self.cls.get_instance(**point)

    @cached_property
    def judged(self):
        """Truth and observation of the first image."""
        return self.dataset.get_data()["problem"].judged(0)

    @property
    def task(self):
        return self.dataset.get_task()

    def levels(self):
        """[({parameter: value}, task)], without the parameters that choose images."""
        found = {}
        for point in product_param(self.cls.parameters):
            task = self.cls.get_instance(**point).get_task()
            level = {k: v for k, v in point.items() if k not in SAMPLE}
            found[str(level)] = (level, task)
        return list(found.values())


def equation(task):
    """The equation of the measurement, in one line."""
    text = "γ P(A x / γ)" if task.gain else "A x"
    text += " + σ n" if task.sigma else ""
    text = f"y = Q({text})" if task.quantised else f"y = {text}"
    parts = {
        "γ P(z / γ): Poisson noise of gain γ": task.gain,
        "n: white Gaussian noise": task.sigma,
        "Q: rounding to 8 bits": task.quantised,
        "σ: relative to the mean of |A x|": task.sigma and task.relative,
    }
    return f"`{text}`" + "".join(f"; {part}" for part, there in parts.items() if there)


def summary(text):
    """The paragraphs of a docstring before its first section."""
    return re.split(r"\n\w+\n-{3,}", inspect.cleandoc(text))[0].strip()


def code(value):
    return f"`{value}`" if value != "" else ""


def parameter_table(cls):
    """The plugin's parameters: what runs by default, and what is declared of them."""
    rows = [
        (
            code(name),
            values.meaning,
            ", ".join(map(code, values)),
            values.allowed(),
            values.unit,
            values.tried,
        )
        for name, values in cls.parameters.items()
    ]
    header = ["parameter", "meaning", "default", "allowed", "unit", "tried when tuned"]
    shown = [k for k, _ in enumerate(header) if k < 4 or any(row[k] for row in rows)]
    header = [header[k] for k in shown]
    rows = [[row[k] for k in shown] for row in rows]
    return markdown_table(header, rows) if rows else "It has no parameters."


def places(df):
    """The place of each solver among those of each problem, by its mean PSNR.

    Parameters
    ----------
    df : DataFrame
        Results.

    Returns
    -------
    dict
        {(problem, solver): (place, number of solvers, dB to the best)}, best first. Solvers
        of the same mean share a place. A problem without a PSNR has no places.
    """
    scores = image_scores(last_rows(df, ALL), "psnr")
    means = image_means(scores).dropna(how="all")
    gaps = paired_to_best(scores.loc[means.index])
    gaps = gaps.groupby(level="dataset_name", sort=False).mean()
    found = {}
    for problem, line in means.iterrows():
        ranks = line.dropna().rank(ascending=False, method="min").sort_values()
        for solver, rank in ranks.items():
            gap = gaps.loc[problem, solver]
            found[problem, solver] = (int(rank), len(ranks), gap)
    return found


def cost_table(df, chosen):
    """Place, mean quality and costs, one row for each problem and solver, by short names.

    Parameters
    ----------
    df : DataFrame
        Results of all solvers, with which places are counted.
    chosen : callable (problem, solver) -> bool
        Whether a cell has a row.
    """
    metrics = {key: metric for key, metric in shown(df).items() if key in COSTS}
    means = (
        last_rows(df, ALL)
        .groupby(["dataset_name", "solver_name"])[[f"objective_{k}" for k in metrics]]
        .mean()
    )
    placed = places(df)
    without = [cell for cell in means.index if cell not in placed]
    short = problem_names(df["dataset_name"].unique()) | labels(
        df["solver_name"].unique()
    )
    rows = []
    for cell in filter(lambda cell: chosen(*cell), (*placed, *without)):
        place, count, gap = placed.get(cell, ("", "", None))
        row = [code(short[name]) for name in cell]
        row += [f"{place} of {count}", f"{gap:.2f}"] if cell in placed else ["", ""]
        numbers = zip(means.loc[cell], metrics.values(), strict=True)
        rows.append(row + [f"{mean:,.{metric.digits}f}" for mean, metric in numbers])
    titles = [metric.title for metric in metrics.values()]
    return markdown_table(["problem", "solver", "place", DIFFERENCE, *titles], rows)


def costs(df, column, cls):
    """The section of a plugin's page on its places and costs in the results."""
    heading = "## Place, quality and cost"
    if df is None:
        return f"{heading}\n\n{NO_RESULTS}"
    mine = df[df[column].str.fullmatch(rf"{re.escape(cls.name)}(\[.*\])?")]
    if mine.empty:
        return f"{heading}\n\nThe result file of these pages has no results of it."
    cells = set(zip(mine["dataset_name"], mine["solver_name"], strict=True))
    return f"""{heading}

Means over the images, from the result file that was at hand when these pages were made;
the runtimes are of one machine with {machine_text(mine)}. The place is that of the mean
PSNR among all solvers of the file that ran on the problem.

{cost_table(df, lambda *cell: cell in cells)}
"""


def problem_page(example, df):
    """The Markdown of a problem."""
    cls, task = example.cls, example.task
    truth, observation = example.judged
    levels = example.levels()
    names = list(levels[0][0])
    rows = [
        (*(code(level[name]) for name in names), code(task)) for level, task in levels
    ]
    physics = type(observation.physics)
    shapes = ["x".join(map(str, item.shape[1:])) for item in (truth, observation.y)]
    return f"""# {cls.name}

{summary(cls.__doc__)}

![truth](pictures/{cls.name}_truth.png){{ width=256 .pixels }}
![measurement](pictures/{cls.name}_measurement.png){{ width=256 .pixels }}

Truth and measurement of the first image, `{example.dataset}`: {shapes[0]} pixels and
{shapes[1]} measurements (k-space in log magnitude, sinograms stretched).

    benchopt run . -s tv -d "{cls.name}"

## Equation and operator

{equation(task)}. Version {cls.version} of the measurements.

A is `{task.operator}`, deepinv's `{physics.__name__}`: {summary(OPERATORS[task.operator].__doc__)}

## Levels

{markdown_table([*map(code, names), "task"], rows)}

## Parameters

{parameter_table(cls)}
{costs(df, "dataset_name", cls)}

[Source]({REPOSITORY}/blob/main/datasets/{cls._module_filename.name})
"""


def refusal(cls, observation):
    """Why a solver with its first settings skips a problem, or None."""
    point = dict(next(product_param(cls.parameters)))
    return cls.get_instance(**point).refusal(observation)


def solver_page(cls, examples, df):
    """The Markdown of a solver."""
    refusals = {e.cls.name: refusal(cls, e.judged[1]) for e in examples}
    able = [name for name, why in refusals.items() if not why]
    links = ", ".join(f"[{name}](../problems/{name}.md)" for name in able)
    unable = [f"- `{name}`: it {why}." for name, why in refusals.items() if why]
    kind = (
        "one estimate after each iteration"
        if issubclass(cls, IterativeSolver)
        else "in one go"
    )
    return f"""# {cls.name}

{summary(cls.__doc__)}

It reconstructs {kind}. Run it beside the simplest one:

    benchopt run . -s {cls.name} -s adjoint -d {able[0]}

## Parameters

{parameter_table(cls)}

## Problems

{links}.

{chr(10).join(unable)}
{costs(df, "solver_name", cls)}

[Source]({REPOSITORY}/blob/main/solvers/{cls._module_filename.name})
"""


def index_page(kind, plugins):
    rows = [(f"[{cls.name}]({cls.name}.md)", first_line(cls)) for cls in plugins]
    return f"# {kind.capitalize()}\n\n{markdown_table([kind[:-1], 'what'], rows)}\n"


def config_page(folder):
    """The page of all run configs, with their comments."""
    parts = [
        "# Run configs\n\n`benchopt run . --config configs/NAME.yml`; the comments say what for."
    ]
    for path in sorted(Path(folder).glob("*.yml")):
        parts.append(
            f"## {path.name}\n\n```yaml\n{path.read_text(encoding='utf-8').strip()}\n```"
        )
    return "\n\n".join(parts) + "\n"


def dashboard_lists(folder, benchmark):
    """The dashboard's saved views, its pages and the metrics."""
    config = yaml.safe_load((Path(folder) / "config.yml").read_text(encoding="utf-8"))
    views = markdown_table(
        ["view", "page"],
        [
            (name, code(view["plot_kind"]))
            for name, view in config["plot_configs"].items()
        ],
    )
    pages = "\n\n".join(
        f"### {plot.name}\n\n{inspect.getdoc(plot)}"
        for plot in benchmark.get_plots()
        if plot.name in config["plots"]
    )
    metrics = markdown_table(
        ["column", "metric", "what"],
        [
            (code(f"objective_{key}"), m.title, m.description)
            for key, m in METRICS.items()
        ],
    )
    return {"views": views, "pages": pages, "metrics": metrics}


def results_at_hand(folder):
    """The submitted result files, else the newest one in ``outputs/``, if there is any."""
    submitted = sorted(folder.glob("submissions/*.parquet"))
    files = sorted(folder.glob("outputs/*.parquet"), key=lambda p: p.stat().st_mtime)
    return submitted or files[-1:]


def write(folder=BENCHMARK, docs=None, results=()):
    """Write the generated pages. None of them is in the repository.

    Parameters
    ----------
    folder : path
        The benchmark.
    docs : path or None
        The folder to write into. None: the benchmark's ``docs/``.
    results : list of path
        Result files for places and costs. Empty: `results_at_hand`.
    """
    folder = Path(folder)
    docs = Path(docs) if docs else folder / "docs"
    files = list(results) or results_at_hand(folder)
    df = combined({str(f): read_submitted(f) for f in files}) if files else None
    benchmark = Benchmark(folder)
    examples = [Example(cls) for cls in benchmark.get_datasets()]
    solvers = benchmark.get_solvers()
    pages = {"configs.md": config_page(folder / "configs")}
    pages["problems/index.md"] = index_page("problems", [e.cls for e in examples])
    pages["solvers/index.md"] = index_page("solvers", solvers)
    for example in examples:
        pages[f"problems/{example.cls.name}.md"] = problem_page(example, df)
    for cls in solvers:
        pages[f"solvers/{cls.name}.md"] = solver_page(cls, examples, df)
    for name, text in dashboard_lists(folder, benchmark).items():
        pages[f"lists/{name}.md"] = text
    for name in GENERATED:  # a removed plugin must leave no page
        shutil.rmtree(docs / name, ignore_errors=True)
    for name, text in pages.items():
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_text(text, encoding="utf-8")
    write_pictures(docs / "problems" / "pictures", examples)
    write_figures(docs)


def write_pictures(folder, examples):
    """Truth and measurement of each problem as PNG files."""
    folder.mkdir(exist_ok=True)
    for example in examples:
        truth, observation = example.judged
        entry = json.loads(gallery(truth, truth, observation))
        for key in ("truth", "measurement"):
            picture = base64.b64decode(entry[key])
            (folder / f"{example.cls.name}_{key}.png").write_bytes(picture)


def main(arguments):
    """Write the pages of the suite."""
    options = parser("site", "The pages of problems, solvers and run configs.")
    options.add_argument(
        "file",
        nargs="*",
        help="result files for places and costs (default: those in submissions/, else the "
        "newest in outputs/)",
    )
    options = options.parse_args(arguments)
    in_checkout("site")
    write(results=options.file)
