from benchmark_inverse_problems import (
    Choice,
    Number,
    ProblemDataset,
    Task,
    pictures,
)
from benchmark_inverse_problems.problems.images import reduced
from benchmark_inverse_problems.problems.scans import Scans

# Views, evenly over an arc in degrees; the dose; the noise of phantoms, of the mean |Ax|.
VARIANTS = {
    "sparse": {"views": 60, "arc": 360, "dose": "full", "sigma": 0.01},
    "limited_angle": {"views": 120, "arc": 120, "dose": "full", "sigma": 0.01},
    "low_dose": {"views": 360, "arc": 360, "dose": "low", "sigma": 0.05},
}


class Dataset(ProblemDataset):
    """Fan-beam tomography: few views, a short arc, or a low dose.

    The scanner is that of M. Kiss et al., "2DeteCT - A Large 2D Expandable, Trainable,
    Experimental Computed Tomography Dataset for Machine Learning", Scientific Data 2023.
    `images=detect_ct` are its measurements: the slices that the authors test on, the
    low dose measured with 3 W instead of 90 W. The truth is their reconstruction from all
    3600 views at full dose. Their licence is CC BY 4.0 (docs/data.md). Of phantoms
    measurements are simulated.
    """

    name = "fan_ct"
    image_set = "ellipses"
    special_sets = ("detect_ct",)
    parameters = {
        "images": pictures("ellipses")["images"],
        "n_images": pictures(n_images=4)["n_images"],
        "size": Number(
            [128],
            "Side of the images; of detect_ct a power of two.",
            "pixels",
            least=8,
            whole=True,
        ),
        "variant": Choice(
            ["sparse", "limited_angle", "low_dose"], "What is measured.", VARIANTS
        ),
    }
    test_parameters = {"n_images": [1], "size": [32], "variant": ["sparse"]}

    @property
    def side(self):
        return self.size

    @property
    def measurement(self):
        return {"dose": VARIANTS[self.variant]["dose"]}

    def viewed(self, images, side):
        if isinstance(images, Scans):
            return super().viewed(images, side)
        return reduced(images, side)

    def get_task(self):
        variant = VARIANTS[self.variant]
        settings = {key: variant[key] for key in ("views", "arc")}
        return Task("fan_beam", settings, sigma=variant["sigma"], relative=True)
