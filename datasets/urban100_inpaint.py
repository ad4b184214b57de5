from benchmark_inverse_problems import Choice, ProblemDataset, Task, pictures
from benchmark_inverse_problems.physics.catalogue import MISSING_PIXELS


class Dataset(ProblemDataset):
    """Inpainting: 30, 50 or 70 % of the pixels, or 30 % of the lines, are missing.

    Images: J.-B. Huang, A. Singh, N. Ahuja, "Single Image Super-Resolution from
    Transformed Self-Exemplars", CVPR 2015. Measured pixels carry noise of 0.01.
    """

    name = "urban100_inpaint"
    image_set = "urban100"
    parameters = {
        **pictures(),
        "mask": Choice(
            ["random_70", "random_50", "random_30", "lines"],
            "Which pixels are measured.",
        ),
    }

    def get_task(self):
        return Task.of("inpainting", MISSING_PIXELS[self.mask])
