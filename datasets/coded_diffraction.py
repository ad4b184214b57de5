from benchmark_inverse_problems import Choice, Number, ProblemDataset, Task, pictures
from benchmark_inverse_problems.problems.images import VIEWS, complex_pairs, pure_phase


class Dataset(ProblemDataset):
    """Phase retrieval from coded diffraction: y = |B x|^2, behind known phase masks.

    E. Candes, X. Li, M. Soltanolkotabi, "Phase Retrieval from Coded Diffraction
    Patterns", 2015. Objects are gray pictures (real), or complex images: two pictures as
    magnitude and phase (complex), or one as the phase of magnitude one (phase). The noise
    is relative to the mean intensity.
    """

    name = "coded_diffraction"
    image_set = "cbsd68"
    parameters = {
        **pictures(crop=128),
        "patterns": Choice([2], "Number of masks.", [1, 2, 4]),
        "noise": Number([0.05], "Level of the noise.", "mean intensity", least=0),
        "object": Choice(["real"], "What is measured.", ["real", "complex", "phase"]),
    }
    test_parameters = {
        "images": ["bundled"],
        "n_images": [1],
        "crop": [32],
        "patterns": [4],
        "object": ["real", "complex"],
    }

    def viewed(self, images, side):
        if self.object == "complex":
            return complex_pairs(images, side)
        return pure_phase(images) if self.object == "phase" else VIEWS["gray"](images)

    def get_task(self):
        settings = {"patterns": self.patterns}
        return Task("coded_diffraction", settings, sigma=self.noise, relative=True)
