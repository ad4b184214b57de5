"""The library behind the plugins of the imaging inverse problems benchmark."""

from importlib import import_module

from .support.torchvision import without_compiler

__version__ = "0.1.0"

# {name: where it is}; a contributor needs no more than these.
_SURFACE = {
    "CalibratedSolver": "solving.calibrated",
    "Choice": "support.parameters",
    "FinetunedSolver": "solving.finetuned",
    "IterativeSolver": "solving.iterative",
    "Name": "support.parameters",
    "Number": "support.parameters",
    "ProblemDataset": "problems.dataset",
    "ReconstructionSolver": "solving.solver",
    "Task": "problems.problem",
    "VolumeDataset": "problems.dataset",
    "WEIGHTS": "solving.declared",
    "WithDenoiser": "solving.denoised",
    "calibration": "solving.calibrated",
    "cubes": "problems.dataset",
    "compare": "evaluation",
    "denoiser_model": "solving.denoised",
    "denoiser_strength": "solving.denoised",
    "denoising_level": "solving.declared",
    "evaluate": "evaluation",
    "finetuning": "solving.finetuned",
    "fitting": "solving.declared",
    "iterations": "solving.declared",
    "pictures": "problems.dataset",
    "precision": "solving.declared",
    "prior_weight": "solving.declared",
    "repetitions": "solving.declared",
}
__all__ = [  # noqa: F822
    "CalibratedSolver",
    "Choice",
    "FinetunedSolver",
    "IterativeSolver",
    "Name",
    "Number",
    "ProblemDataset",
    "ReconstructionSolver",
    "Task",
    "VolumeDataset",
    "WEIGHTS",
    "WithDenoiser",
    "calibration",
    "compare",
    "cubes",
    "denoiser_model",
    "denoiser_strength",
    "denoising_level",
    "evaluate",
    "finetuning",
    "fitting",
    "iterations",
    "pictures",
    "precision",
    "prior_weight",
    "repetitions",
]

without_compiler()


def __getattr__(name):
    # On demand: the dashboard's pages use the package without torch.
    if name in _SURFACE:
        return getattr(import_module(f".{_SURFACE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
