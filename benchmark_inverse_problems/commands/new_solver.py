"""Write the file of a new solver, ready to run."""

from keyword import iskeyword
from pathlib import Path

from ..suite import BENCHMARK, in_checkout
from . import parser, readme

TEMPLATE = '''from benchmark_inverse_problems import ReconstructionSolver


class Solver(ReconstructionSolver):
    """What the method is, in one line that ends with a full stop.

    Authors, "Title", venue, 2026.
    """

    name = "{name}"
    # {{"weight": Number([0.1], "Weight of the prior.", above=0)}}; each reaches `build` by
    # its name. Number, Choice and Name come from benchmark_inverse_problems.
    parameters = {{}}
    requirements = ["pip::torch"]

    def build(self, example):
        # y: measurements (1, C, h, w); physics: the operator, with its noise level
        # in physics.noise_model; x_hat: (1, C, H, W), images in [0, 1]. example is the
        # first observation: example.y, example.physics, example.shape. A network goes
        # through self.place(network).
        def reconstruct(y, physics):
            return physics.A_adjoint(y)

        return reconstruct
'''


def new_solver(name, folder=BENCHMARK):
    """Write ``solvers/NAME.py`` and its row in the docs.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If the name is not a Python identifier in lower case, or a word of Python.
    FileExistsError
        If there is such a solver.
    """
    if not name.isidentifier() or not name.islower() or iskeyword(name):
        raise ValueError(
            f"The name {name!r} is not a Python identifier in lower case: use letters, "
            "digits and _, as in fire_hqs."
        )
    path = Path(folder) / "solvers" / f"{name}.py"
    if path.exists():
        raise FileExistsError(f"{path} exists: choose another name or edit it.")
    path.write_text(TEMPLATE.format(name=name), encoding="utf-8")
    readme.write(folder)
    return path


def main(arguments):
    """Write the file and print the next steps."""
    options = parser("new-solver", "The file of a new solver, ready to run.")
    options.add_argument("name", help="in lower case, as in fire_hqs")
    name = options.parse_args(arguments).name
    in_checkout("new-solver")
    path = new_solver(name)
    print(f'{path}: write `build`, then\n  make run ARGS="-s {path.stem} -d simulated"')
    print(f"{BENCHMARK / readme.PLUGINS}: has a new row.")
