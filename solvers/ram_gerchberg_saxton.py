from functools import partial

from benchmark_inverse_problems import (
    WEIGHTS,
    IterativeSolver,
    Number,
    iterations,
    precision,
)
from benchmark_inverse_problems.methods.phase_retrieval import (
    gerchberg_saxton,
    part_by_part,
)
from benchmark_inverse_problems.networks.ram import PUBLISHED, load_ram


class Solver(IterativeSolver):
    """RAM between the projections of Gerchberg and Saxton, for phase retrieval.

    R. Gerchberg, W. Saxton, Optik, 1972; M. Terris et al., "Reconstruct Anything Model",
    ICLR 2026, and slides. RAM is not trained for it: it is told the linear part of the
    operator, and noise that falls from `start` to that of the measurement. Of complex
    images it removes white noise, part by part.
    """

    name = "ram_gerchberg_saxton"
    needs = {"magnitudes", "known operator", "2d"}
    parameters = {
        "weights": WEIGHTS,
        "start": Number([0.2], "First noise level.", above=0, start=0.2, ratio=2),
        "steps": iterations(40),
        "precision": precision(),
    }
    published = (PUBLISHED,)
    test_config = {"dataset": {"name": "coded_diffraction"}, "steps": 4}

    def build(self, example, weights, **settings):
        ram = self.place(load_ram(weights, "full", self.name))
        restore = part_by_part(ram) if example.complex else ram
        return partial(gerchberg_saxton, restore=restore, **settings)
