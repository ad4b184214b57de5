from benchmark_inverse_problems import ReconstructionSolver
from benchmark_inverse_problems.physics.facts import family
from benchmark_inverse_problems.physics.fdk import fdk


class Solver(ReconstructionSolver):
    """Filtered back-projection of circular cone beams, by the library diffct.

    L. Feldkamp, L. Davis, J. Kress, "Practical Cone-Beam Algorithm", Journal of the
    Optical Society of America A, 1984.
    """

    name = "fdk"
    needs = {"linear", "known operator", "3d"}
    requirements = ["pip::diffct"]
    test_config = {"dataset": {"name": "volume_ct"}}

    def unsupported(self, example):
        is_cone_beam = family(example.physics) == "cone_beam"
        return None if is_cone_beam else "is for cone-beam tomography"

    def build(self, example):
        return fdk
