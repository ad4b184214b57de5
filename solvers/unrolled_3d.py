from benchmark_inverse_problems import (
    Choice,
    Number,
    ReconstructionSolver,
    iterations,
    precision,
)
from benchmark_inverse_problems.methods.partition import PartitionedReconstructor
from benchmark_inverse_problems.networks.unrolled_3d import (
    KINDS,
    TRAININGS,
    load_unrolled_3d,
    weights_name,
)
from benchmark_inverse_problems.networks.weights import bundled
from benchmark_inverse_problems.physics.facts import family
from benchmark_inverse_problems.physics.initial_estimate import initial_estimate
from benchmark_inverse_problems.physics.local_normal import (
    NORMALS,
    FittedNormals,
    has_toeplitz,
)
from benchmark_inverse_problems.physics.noise import noise_level


class Solver(ReconstructionSolver):
    """Unrolled optimisation of volumes, by patches with the rest as their context.

    R. Vo, J. Tachella, "Efficient Unrolled Networks for Large-Scale 3D Inverse Problems",
    CVPR 2026. Half-quadratic splitting with a small 3D DRUNet, on normal equations.
    `normal=approximate` is fitted to each operator, which is timed as fitting.
    """

    name = "unrolled_3d"
    needs = {"linear", "known operator", "3d"}
    parameters = {
        "training": Choice(
            ["partitioned"], "What the network was trained on.", TRAININGS
        ),
        "inference": Choice(
            ["partitioned"],
            "Whether patches are solved, or the whole volume at once.",
            ["partitioned", "whole"],
        ),
        "normal": Choice(
            ["auto"],
            "A^T A. auto takes toeplitz for MRI, and for others exact on whole volumes "
            "and approximate on patches.",
            ["auto", *NORMALS],
        ),
        "patch": Number([32], "Side of the patches.", "voxels", least=1, whole=True),
        "sweeps": Number([3], "Sweeps over all patches.", least=1, whole=True),
        "iterations": iterations(4),
        "samples": Number(
            [300], "White volumes that fit normal=approximate.", least=1, whole=True
        ),
        "precision": precision("bfloat16"),
    }
    test_config = {
        "dataset": {"name": "volume_mri"},
        "patch": 12,
        "sweeps": 1,
        "samples": 8,
    }
    end_to_end = {}

    def unsupported(self, example):
        kind = family(example.physics)
        if kind not in KINDS:
            return "is for multi-coil MRI and cone-beam tomography"
        if self.normal == "toeplitz" and not has_toeplitz(example.physics):
            return "has normal=toeplitz for multi-coil MRI only"
        if not bundled(weights_name(kind, self.training)):
            return f"has no network with training={self.training} for this operator"
        return None

    def fit(self, observations):
        if isinstance(self.chosen, FittedNormals):
            for observation in observations:
                self.chosen(observation.physics, observation.shape)

    def build(
        self, example, training, inference, normal, patch, sweeps, iterations, samples
    ):
        whole = inference == "whole"
        if normal == "auto":
            rest = "exact" if whole else "approximate"
            normal = "toeplitz" if has_toeplitz(example.physics) else rest
        approximate = normal == "approximate"
        self.chosen = FittedNormals(samples) if approximate else NORMALS[normal]
        network = load_unrolled_3d(family(example.physics), training, iterations)
        partition = PartitionedReconstructor(
            self.place(network),
            None if whole else patch,
            sweeps=1 if whole else sweeps,
            normal=self.chosen,
            by_normal=True,
            context=self.context,
        )

        def reconstruct(y, physics):
            start = initial_estimate(physics, y)
            return partition(y, physics, start, noise_level(physics, y))

        return reconstruct
