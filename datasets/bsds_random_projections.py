from benchmark_inverse_problems import Choice, Number, ProblemDataset, Task, pictures
from benchmark_inverse_problems.physics.operators.random_projection import (
    projection_norm,
)
from benchmark_inverse_problems.problems.images import PATCH


class Dataset(ProblemDataset):
    """Random projections of gray patches of 32x32 pixels, noise 1.

    The experiment is that of figure 2 of P. Putzky and M. Welling, "Recurrent Inference
    Machines for Solving Inverse Problems", 2017. There are `ratio` projections per
    pixel with entries of size one, and noise of standard deviation 1. Projections and
    noise are both divided by the operator's norm. Images: D. Martin et al., "A Database
    of Human Segmented Natural Images", ICCV 2001.
    """

    name = "bsds_random_projections"
    image_set = "bsds500"
    view = "gray_patches"
    parameters = {
        **pictures(n_images=64, crop=32),
        "ensemble": Choice(
            ["gaussian", "binary", "fourier"], "Law of the projections."
        ),
        "ratio": Number([0.2, 0.4], "Projections per pixel.", above=0, most=1),
    }
    test_parameters = {"images": ["bundled"], "n_images": [1]}

    def get_task(self):
        settings = {"ensemble": self.ensemble, "ratio": self.ratio}
        sigma = 1 / projection_norm(**settings, pixels=PATCH**2)
        return Task("random_projection", settings, sigma=sigma)
