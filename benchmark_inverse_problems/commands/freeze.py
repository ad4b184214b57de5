"""Write the measurements of new problems, or of their new versions, into the frozen list.

An entry of the list never changes: scores of a version stay comparable. Problems are taken
at all their levels, on images that need no download.
"""

from benchopt.benchmark import Benchmark
from benchopt.utils.parametrized_name_mixin import product_param
from tqdm import tqdm

from ..problems.versions import FILE, extended, frozen, write
from ..suite import BENCHMARK, in_checkout
from ..support.checks import check_known
from . import parser


def every_problem(folder=BENCHMARK):
    """Every problem of the suite at its defaults, on images that need no download."""
    for cls in Benchmark(folder).get_datasets():
        parameters = dict(cls.parameters)
        if cls.name == "simulated":
            parameters |= {"task": parameters["task"].every()}
        for point in product_param(parameters):
            if point["images"] == "auto" and cls.name != "simulated":
                point["images"] = "bundled"
            yield cls.get_instance(**point)


def main(arguments):
    """Bring the list up to date."""
    options = parser("freeze", __doc__)
    options.add_argument(
        "names", nargs="*", help="problems, by the stems of their files (default: all)"
    )
    names = options.parse_args(arguments).names
    in_checkout("freeze")
    datasets = list(every_problem())
    for name in names:
        check_known("problem", name, sorted({dataset.name for dataset in datasets}))
    chosen = [dataset for dataset in datasets if not names or dataset.name in names]
    entries = frozen()
    found = extended(entries, tqdm(chosen, desc="problems"))
    write(found)
    before, after = size(entries), size(found)
    print(f"{FILE}: {after - before} new entries, {after} in all.")


def size(entries):
    """The number of fingerprints in a list of versions."""
    return sum(len(v) for versions in entries.values() for v in versions.values())
