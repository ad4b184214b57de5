from benchmark_inverse_problems import Choice, ProblemDataset, Task, pictures
from benchmark_inverse_problems.physics.operators.random_projection import (
    projection_norm,
)

TASKS = {
    "denoise": Task("denoising", sigma=0.1),
    "poisson": Task("denoising", sigma=0.01, gain=0.04),
    "deblur": Task("gaussian_blur", {"std": 1.0}, sigma=0.02),
    "sr": Task("downsampling", {"factor": 2}, sigma=0.01),
    "sr_matlab": Task("downsampling_matlab", {"factor": 2}),
    "inpaint": Task("inpainting", {"keep": 0.5}, sigma=0.01),
    "ct": Task("tomography", {"angles": 20}, sigma=0.02, relative=True),
    "projections": Task(
        "random_projection",
        {"ensemble": "gaussian", "ratio": 0.4},
        sigma=1 / projection_norm("gaussian", 0.4, pixels=1024),
    ),
    "demosaic": Task("demosaicing", sigma=0.05),
    "cs": Task("compressed_sensing", {"ratio": 0.5}, sigma=0.05),
    "mri": Task("mri", {"acceleration": 4, "centre": 0.08}, sigma=0.005),
}
IMAGES = {"ct": "ellipses", "projections": "ellipses", "mri": "ellipses_complex"}


class Dataset(ProblemDataset):
    """Tiny versions of every task, for tests: crops of 32x32 pixels, seconds to run.

    Images: the pictures of S. van der Walt et al., "scikit-image: image processing
    in Python", PeerJ 2014; random ellipses for tomography and MRI.
    """

    name = "simulated"
    parameters = {
        **pictures(n_images=2, crop=32),
        "task": Choice(["denoise"], "Operator and noise.", TASKS),
    }
    test_parameters = {
        "task": ["denoise", "sr", "deblur", "inpaint", "ct", "mri", "sr_matlab"]
    }

    def resolve(self, parameters):
        return IMAGES.get(parameters["task"], "bundled")

    def get_task(self):
        return TASKS[self.task]
