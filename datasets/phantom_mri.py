from benchmark_inverse_problems import ProblemDataset, Task
from benchmark_inverse_problems.physics.catalogue import MRI_CENTRE


class Dataset(ProblemDataset):
    """Single-coil MRI of complex 128x128 phantoms: random columns, noise 0.005.

    Masks as in J. Zbontar et al., "fastMRI: An Open Dataset and Benchmarks for
    Accelerated MRI", 2018: the centre of k-space and random columns.
    """

    name = "phantom_mri"
    image_set = "ellipses_complex"
    parameters = {
        "images": ["ellipses_complex"],
        "n_images": [4],
        "crop": ["none"],
        "acceleration": [4, 8],
    }
    test_parameters = {"n_images": [1], "crop": [64]}

    def get_task(self):
        settings = {
            "acceleration": self.acceleration,
            "centre": MRI_CENTRE[self.acceleration],
        }
        return Task("mri", settings, sigma=0.005)
