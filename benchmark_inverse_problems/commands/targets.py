"""Print what the suite promises, and what its networks reach.

Runs the cells that ``configs/targets.yml`` names (those in benchopt's cache are not
computed again) and prints two Markdown tables: what is promised, and claims of the papers
that the compact networks do not reproduce.
"""

import re

from ..report.names import stems
from ..report.rows import ALL, last_rows
from ..studies.provenance import provenance
from ..suite import BENCHMARK, read_settings, results_of
from ..support.text import markdown_table
from . import parser


def compute(runs):
    """Results of all runs, {(problem, solver's base name): mean of each metric}.

    Only the result of a solver counts, not the estimates of its iterations.
    """
    means = {}
    for run in runs:
        solvers = run["solver"] if isinstance(run["solver"], list) else [run["solver"]]
        df = last_rows(results_of([run["dataset"]], solvers), ALL)
        base_name = stems(df["solver_name"])
        for key, rows in df.groupby(["dataset_name", base_name]):
            means[key] = rows.select_dtypes("number").mean().to_dict()
    return means


def expanded(targets, means):
    """The targets, one per problem. `*` in a problem's name matches any text.

    Raises
    ------
    ValueError
        If no problem that was run has such a name.
    """
    for target in targets:
        pattern = re.escape(target["problem"]).replace(r"\*", ".*")
        problems = [p for p, s in means if s == target["solver"]]
        found = [p for p in problems if re.fullmatch(pattern, p)]
        if not found:
            raise ValueError(
                f"No run of {target['solver']} is on {target['problem']}: name its "
                "problem under `runs` of configs/targets.yml."
            )
        yield from (target | {"problem": problem} for problem in found)


def assess(target, means):
    """One row of the table: problem, claim, reached, verdict.

    Parameters
    ----------
    target : dict
        One entry of ``targets`` in the configuration, of one problem.
    means : dict
        What `compute` returned.
    """
    metric = target.get("metric", "psnr")
    column = f"objective_{metric}"
    value = means[target["problem"], target["solver"]][column]
    if "above" in target:
        margin = value - means[target["problem"], target["above"]][column]
        if target["by"] < 0:
            claim = f"at most {-target['by']:.2f} dB below {target['above']}"
        else:
            claim = f"{target['by']:.2f} dB above {target['above']}"
        reached, met = f"{margin:+.2f} dB ({value:.2f})", margin >= target["by"]
    elif "share" in target:
        share = value / means[target["problem"], target["of"]][column]
        claim = f"at most {target['share']:.2f} of that of {target['of']}"
        reached, met = f"{share:.2f}", share <= target["share"]
    elif "within" in target:
        claim = f"{target['of']:.2f} dB within {target['within']:.2f}"
        met = abs(value - target["of"]) <= target["within"]
        reached = f"{value:.2f} dB"
    else:
        claim, met = (
            f"at least {target['at_least']:.2f} dB",
            value >= target["at_least"],
        )
        reached = f"{value:.2f} dB"
    verdict = "yes" if met else "**no**"
    return [target["problem"], target["solver"], metric, claim, reached, verdict]


def main(arguments):
    """Print the tables; return 1 if a promise is not kept."""
    parser("targets", "What was promised and what is reached.").parse_args(arguments)
    config = read_settings(BENCHMARK / "configs" / "targets.yml")
    means = compute(config["runs"])
    missed = table(config["targets"], means, "target", "met")
    print(
        "\nClaims of the papers that our compact networks do not reproduce, or not on all "
        "problems:\n"
    )
    table(config["claims"], means, "claim", "reproduced")
    print(f"\n{provenance(config['weights'])}")
    return int(missed > 0)


def table(targets, means, what, verdict):
    """Print one table and its sum; return how many are missed."""
    rows = [assess(target, means) for target in expanded(targets, means)]
    header = ["problem", "solver", "metric", what, "reached", verdict]
    print(markdown_table(header, rows))
    missed = sum(row[-1] != "yes" for row in rows)
    print(f"\n{len(rows) - missed} of {len(rows)} are {verdict}.")
    return missed
