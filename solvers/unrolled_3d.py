from functools import partial

from benchmark_inverse_problems import (
    Choice,
    Number,
    ReconstructionSolver,
    iterations,
    precision,
)
from benchmark_inverse_problems.methods.partition import Tiled, from_normal_equations
from benchmark_inverse_problems.networks.unrolled_3d import (
    KINDS,
    TRAININGS,
    load_unrolled_3d,
    weights_name,
)
from benchmark_inverse_problems.networks.weights import bundled
from benchmark_inverse_problems.physics.facts import family
from benchmark_inverse_problems.physics.local_normal import (
    NORMALS,
    FittedNormals,
    has_toeplitz,
    quickest,
)


class Solver(ReconstructionSolver):
    """Unrolled optimisation of volumes, by patches with the rest as their context.

    R. Vo, J. Tachella, "Efficient Unrolled Networks for Large-Scale 3D Inverse Problems",
    CVPR 2026. Half-quadratic splitting with a small 3D DRUNet, on normal equations. The
    first estimate has data steps of the whole volume, and a network that sees patches.
    Then each patch is solved again, with the estimate as its context.
    `normal=approximate`, H, is fitted to each operator, which is timed as fitting.
    """

    name = "unrolled_3d"
    needs = {"linear", "known operator", "3d"}
    parameters = {
        "training": Choice(["partitioned"], "What the network has seen.", TRAININGS),
        "inference": Choice(
            ["partitioned"], "What the network sees.", ["partitioned", "whole"]
        ),
        "normal": Choice(
            ["auto"],
            "A^T A. auto takes exact for whole volumes, and for patches toeplitz with MRI "
            "and approximate with others.",
            ["auto", *NORMALS],
        ),
        "patch": Number([32], "Side of the patches.", "voxels", least=1, whole=True),
        "sweeps": Number(
            ["auto"],
            "Sweeps over all patches. auto takes 4 with normal=approximate, else 2.",
            least=0,
            whole=True,
            words=["auto"],
        ),
        "relaxation": Number(
            [0.5], "Share of the new estimate in that of a sweep.", above=0, most=1
        ),
        "iterations": iterations(4),
        "samples": Number([300], "Volumes of noise that fit H.", least=1, whole=True),
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

    def build(self, example, training, inference, normal, patch, **sweeping):
        patches = inference == "partitioned"
        if normal == "auto":
            normal = quickest(example.physics) if patches else "exact"
        samples, approximate = sweeping.pop("samples"), normal == "approximate"
        if sweeping["sweeps"] == "auto":  # each corrects what the approximation left
            sweeping["sweeps"] = 4 if approximate else 2
        self.chosen = FittedNormals(samples) if approximate else NORMALS[normal]
        iterations, kind = sweeping.pop("iterations"), family(example.physics)
        network = load_unrolled_3d(kind, training, iterations)
        if patches:
            network.denoiser = Tiled(network.denoiser, patch)
        return partial(
            from_normal_equations,
            network=self.place(network),
            patch=patch if patches else None,
            normal=self.chosen,
            context=None if normal == "exact" else self.context,
            **sweeping,
        )
