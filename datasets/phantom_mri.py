from benchmark_inverse_problems import Choice, ProblemDataset, Task, pictures
from benchmark_inverse_problems.physics.catalogue import MRI_CENTRE


class Dataset(ProblemDataset):
    """Single-coil MRI of complex 128x128 phantoms: random columns, noise 0.005.

    Masks as in J. Zbontar et al., "fastMRI: An Open Dataset and Benchmarks for
    Accelerated MRI", 2018: the centre of k-space and random columns.
    `images=fastmri_knee` are the measured knees of that data set, the middle slice of each
    volume. Masks are taken of their k-space, no noise is added, and the truth is the
    reconstruction from all frequencies. They may be used once the agreement of
    fastmri.med.nyu.edu is signed (docs/data.md).
    """

    name = "phantom_mri"
    image_set = "ellipses_complex"
    special_sets = ("fastmri_knee",)
    parameters = {
        **pictures("ellipses_complex", crop="none"),
        "acceleration": Choice([4, 8], "Columns of k-space per measured one."),
    }
    test_parameters = {"n_images": [1], "crop": [64]}

    def get_task(self):
        settings = {
            "acceleration": self.acceleration,
            "centre": MRI_CENTRE[self.acceleration],
        }
        return Task("mri", settings, sigma=0.005)
