from benchmark_inverse_problems import Choice, ProblemDataset, Task, pictures
from benchmark_inverse_problems.physics.catalogue import GAUSSIAN_BLUR


class Dataset(ProblemDataset):
    """Gaussian deblurring, circular: a Gaussian kernel of 1, 2 or 4 pixels, noise 0.01, 0.05 or 0.1.

    The easy, medium and hard levels follow the idea of the paper on RAM (Terris et
    al., 2025). The figures are ours, because the paper's could not be read.
    """

    name = "cbsd68_deblur_gaussian"
    image_set = "cbsd68"
    parameters = {
        **pictures(),
        "level": Choice(["easy", "medium", "hard"], "Strength of blur and noise."),
    }

    def get_task(self):
        return Task.of("gaussian_blur", GAUSSIAN_BLUR[self.level])
