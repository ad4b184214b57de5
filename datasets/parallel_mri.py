from benchmark_inverse_problems import Choice, Number, ProblemDataset, Task, pictures
from benchmark_inverse_problems.physics.catalogue import MRI_CENTRE


class Dataset(ProblemDataset):
    """Multi-coil MRI of complex 128x128 phantoms: random columns, noise 0.005.

    Several coils see a slice at once, as in K. Pruessmann et al., "SENSE: Sensitivity
    Encoding for Fast MRI", Magnetic Resonance in Medicine 1999. Masks as in J. Zbontar et
    al., "fastMRI: An Open Dataset and Benchmarks for Accelerated MRI", 2018. The coils of
    phantoms are simulated. `images=fastmri_knee_multicoil` are the measured knees of that
    data set, the middle slice of each volume, with sensitivities that are estimated from
    the centre of k-space. No noise is added to them, and the truth is the combination of
    all coils at all frequencies. They may be used once the agreement of
    fastmri.med.nyu.edu is signed (docs/data.md).
    """

    name = "parallel_mri"
    image_set = "ellipses_complex"
    special_sets = ("fastmri_knee_multicoil",)
    parameters = {
        **pictures("ellipses_complex", crop="none"),
        "acceleration": Choice([4, 8], "Columns of k-space per measured one.", [4, 8]),
        "coils": Number([4], "Receiver coils of phantoms.", least=1, whole=True),
    }
    test_parameters = {"n_images": [1], "crop": [64]}

    def get_task(self):
        settings = {
            "acceleration": self.acceleration,
            "centre": MRI_CENTRE[self.acceleration],
            "coils": self.coils,
        }
        return Task("parallel_mri", settings, sigma=0.005)
