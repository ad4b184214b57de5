"""Numbers and texts from result tables, for the dashboard's pages, without torch."""

from benchopt.benchmark import get_running_benchmark

from ..judge.metrics import METRICS
from ..solving.failures import read_failures
from .memory import remembered

ALL = "all problems"
# A runtime is that of a loaded machine where it is so many times the processor time, and
# longer than that by so many seconds, which clocks cannot tell apart.
LOADED, SHORT = 1.3, 0.02
# Marks a network that is used outside of what it learned.
OUTSIDE = "†"


@remembered
def shown(df):
    """The metrics of a result table that have values, as {key: Metric}."""
    return {
        key: column
        for key, column in METRICS.items()
        if f"objective_{key}" in df and df[f"objective_{key}"].notna().any()
    }


@remembered
def problem_rows(df, dataset):
    """The rows of a problem, or of `ALL`."""
    return df if dataset == ALL else df[df["dataset_name"] == dataset]


@remembered
def last_rows(df, dataset):
    """The rows of a problem, or of `ALL`, at each image's last evaluation."""
    df = problem_rows(df, dataset)
    cell = df.groupby(["dataset_name", "solver_name", "idx_rep", "objective_image"])
    return df[df["stop_val"] == cell["stop_val"].transform("max")]


def mixed_problems(rows):
    """Problems with rows of different measurements, {problem: fingerprints}.

    Their scores do not compare: images, operator or noise are not the same.
    """
    if "objective_fingerprint" not in rows:
        return {}
    groups = rows.groupby("dataset_name", sort=False)["objective_fingerprint"]
    found = groups.agg(lambda values: sorted(set(values.dropna())))
    return {problem: marks for problem, marks in found.items() if len(marks) > 1}


@remembered
def outside_cells(rows):
    """Cells outside of what their network learned, {(problem, solver): how}."""
    if "objective_outside" not in rows:
        return {}
    found = rows[rows["objective_outside"].fillna("") != ""]
    cells = found.groupby(["dataset_name", "solver_name"], sort=False)
    return cells["objective_outside"].first().to_dict()


def failed_cells(df, dataset):
    """The recorded failures of a problem, or of `ALL`, that have no results."""
    benchmark = get_running_benchmark()
    if benchmark is None:
        return []
    try:
        records = read_failures(benchmark.get_output_folder())
    except (OSError, ValueError, KeyError):  # a damaged record must not hide results
        return []
    problems = set(df["dataset_name"]) if dataset == ALL else {dataset}
    done = set(zip(df["dataset_name"], df["solver_name"], strict=True))
    return [
        record
        for record in records
        if record["dataset"] in problems
        and (record["dataset"], record["solver"]) not in done
    ]


def machine_text(rows):
    """What some runtimes were measured on, for titles: threads and devices."""
    parts = [threads_text(rows["objective_threads"])]
    if "objective_device" in rows:  # older result files do not name it
        parts += sorted(set(rows["objective_device"].dropna()) - {""})
    if "objective_compiled" in rows and set(rows["objective_compiled"]) & {
        "on",
        "graphs",
    }:
        parts.append("compiled networks")
    return ", ".join(parts)


def waiting_solvers(rows):
    """The solvers with runtimes on a CPU that are much above their processor time.

    The machine was loaded: these runtimes say little about the methods.
    """
    if not {"objective_cpu_time", "objective_device"} <= set(rows):
        return []
    rows = rows[rows["objective_device"].astype(str).str.startswith("cpu")]
    columns = ["objective_runtime", "objective_cpu_time"]
    means = rows.groupby("solver_name", sort=False)[columns].mean()
    slow = means[columns[0]] > means[columns[1]] * LOADED + SHORT
    return means.index[slow].tolist()


def threads_text(counts):
    """The numbers of threads of some runtimes, for titles."""
    counts = sorted(set(counts))
    plural = "" if counts == [1] else "s"
    return f"{' or '.join(map(str, counts))} thread{plural}"


def curves(rows, metric, axis="runtime"):
    """Quality against time: {solver: (runtimes, means)} of the means over the images.

    A solver that ran once has one point. Other solvers have one point per evaluation.
    With axis "iterations" the points lie at the iterations instead of the runtimes.
    """
    columns = ["objective_runtime", f"objective_{metric}"]
    groups = rows.groupby(["solver_name", "stop_val"])[columns]
    points = groups.mean().dropna().reset_index("stop_val")
    along = "stop_val" if axis == "iterations" else columns[0]
    found = {solver: ([], []) for solver in rows["solver_name"].unique()}
    for solver, x, y in points[[along, columns[1]]].itertuples(name=None):
        found[solver][0].append(x)
        found[solver][1].append(y)
    return {solver: curve for solver, curve in found.items() if curve[0]}


def qualities(df):
    """The metrics that quality can be read from."""
    return [k for k, column in shown(df).items() if column.higher_is_better]
