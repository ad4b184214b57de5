from benchmark_inverse_problems import (
    Choice,
    Name,
    Number,
    ProblemDataset,
    Task,
    pictures,
)
from benchmark_inverse_problems.problems.images import reduced
from benchmark_inverse_problems.problems.scans import Scans

# Rings of the mesh that measures, and of the one that solvers are told.
FINE, COARSE = 24, 12


class Dataset(ProblemDataset):
    """Electrical impedance tomography: a tank seen by currents through its edge.

    E. Somersalo, M. Cheney, D. Isaacson, "Existence and Uniqueness for Electrode Models for
    Electric Current Computed Tomography", SIAM J. Appl. Math. 1992. The image is the
    conductivity on a logarithmic scale: 0.5 is the background, 1 is `contrast` times as
    much, and 0 is as many times less. Measurements come from a finer mesh than the one
    that solvers are told (1801 and 469 nodes). They are calibrated by the empty tank: its
    voltages are subtracted, on either mesh its own. The noise is relative to the mean of
    these voltages. images=kit4 are measured tanks of A. Hauptmann et al., "Open 2D
    Electrical Impedance Tomography Data Archive", 2017, in a folder of data_paths; nobody
    knows their truth.
    """

    name = "eit"
    image_set = "inclusions"
    parameters = {
        "images": Name(
            ["inclusions"],
            "Image set, or the name of a folder in data_paths. kit4 is measured.",
        ),
        "n_images": pictures(n_images=8)["n_images"],
        "size": Number([32], "Side of the images.", "pixels", least=8, whole=True),
        "electrodes": Number([16], "Number of electrodes.", least=4, whole=True),
        "noise": Number([0.001], "Level of the noise.", "mean voltage", least=0),
        "contrast": Number([3.0], "Largest conductivity.", "background", above=1),
        "currents": Choice(
            ["trigonometric"],
            "Currents through all electrodes, or from one to the next.",
            ["trigonometric", "adjacent"],
        ),
    }
    test_parameters = {
        "n_images": [1],
        "size": [16],
        "electrodes": [8],
        "currents": ["trigonometric", "adjacent"],
    }
    special_sets = ("kit4",)
    tuning_side = 32

    @property
    def side(self):
        return self.size

    def viewed(self, images, side):
        if isinstance(images, Scans):
            return images.sized(side)
        return reduced(images, side)

    def get_task(self):
        settings = {"electrodes": self.electrodes, "contrast": self.contrast}
        settings["patterns"] = self.currents
        return Task(
            "impedance",
            settings | {"rings": FINE},
            sigma=self.noise,
            relative=True,
            told=settings | {"rings": COARSE},
        )
