from benchmark_inverse_problems import WEIGHTS, FinetunedSolver, finetuning
from benchmark_inverse_problems.networks.ram import PUBLISHED, load_ram


class Solver(FinetunedSolver):
    """RAM, fitted to the measurements alone before it reconstructs.

    M. Terris, S. Hurault, M. Song, J. Tachella, "Reconstruct Anything Model: a
    Lightweight Foundation Model for Computational Imaging", ICLR 2026. The losses are
    deepinv's: SURE, UNSURE, R2R, splitting, each with equivariant imaging where the
    operator has a null space. A part of each measurement is held out and ends the fit.
    """

    name = "ram_finetuned"
    parameters = {"weights": WEIGHTS, **finetuning()}
    published = (PUBLISHED,)
    test_config = {"steps": 2}

    def load(self, weights):
        return load_ram(weights, "full", self.name)
