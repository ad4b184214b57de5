from benchmark_inverse_problems import Name, Number, ProblemDataset, Task, pictures
from benchmark_inverse_problems.problems.images import reduced


class Dataset(ProblemDataset):
    """Inverse scattering: an object seen by the waves that it scatters, noise 0.01.

    E. Soubies, T.-A. Pham, M. Unser, "Efficient Inversion of Multiple-Scattering Model for
    Optical Diffraction Tomography", Optics Express, 2017. The Helmholtz equation makes the
    measurement depend on the object in a way that is not linear, the more so the larger
    the `contrast`.
    """

    name = "scattering"
    image_set = "ellipses"
    parameters = {
        "images": Name(
            ["ellipses"], "Image set, or the name of a folder in data_paths."
        ),
        "n_images": pictures(n_images=4)["n_images"],
        "size": Number([32], "Side of the images.", "pixels", least=8, whole=True),
        "contrast": Number([0.4], "Largest contrast of an object.", above=0),
        "transmitters": Number([16], "Number of transmitters.", least=1, whole=True),
    }
    test_parameters = {"n_images": [1], "size": [16], "transmitters": [4]}
    receivers = 32
    tuning_side = 32

    @property
    def side(self):
        return self.size

    def viewed(self, images, side):
        return reduced(images, side)

    def get_task(self):
        settings = {"contrast": self.contrast, "transmitters": self.transmitters}
        settings["receivers"] = self.receivers
        return Task("scattering", settings, sigma=0.01, relative=True)
