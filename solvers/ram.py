from functools import partial

from benchmark_inverse_problems import WEIGHTS, Choice, ReconstructionSolver, precision
from benchmark_inverse_problems.methods.slices import by_slices
from benchmark_inverse_problems.networks.ram import (
    PUBLISHED,
    SCALE2,
    SINGLE,
    SIZED,
    VARIANTS,
    WITH_FACTOR,
    load_ram,
)


class Solver(ReconstructionSolver):
    """Reconstruct Anything Model: one network for all linear operators.

    M. Terris, S. Hurault, M. Song, J. Tachella, "Reconstruct Anything Model: a
    Lightweight Foundation Model for Computational Imaging", ICLR 2026. The bundled
    network is a compact one, trained for this suite. The published one is the paper's,
    and gives what deepinv's class gives. deepinv omits the paper's weight f^2 of
    super-resolution by f; variant=with_factor of the published network has it. scale2 sees
    the measurements at one scale only and calls the operator less often. The other
    variants are smaller networks of the paper's ablation. base, prox, prox_y and krylov
    see more and more of the operator. inpainting, deblurring and sr are krylov, trained
    on one task only; narrow is krylov with half the widths. Volumes are restored slice by slice.
    """

    name = "ram"
    needs = {"linear", "known operator"}
    parameters = {
        "weights": WEIGHTS,
        "variant": Choice(
            ["full"],
            "The network, or another reading or size of it.",
            ["full", SCALE2, WITH_FACTOR, *VARIANTS, *SINGLE, *SIZED],
        ),
        "precision": precision(),
    }
    published = (PUBLISHED,)
    end_to_end = {}

    def unsupported(self, example):
        if len(example.shape) == 5 and self.weights == "published":
            return "has weights=bundled for volumes only"
        return None

    def build(self, example, weights, variant):
        network = load_ram(weights, variant, self.name)
        if len(example.shape) == 4:
            return network
        return partial(by_slices, network=self.place(network))
