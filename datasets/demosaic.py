from benchmark_inverse_problems import Number, ProblemDataset, Task, pictures


class Dataset(ProblemDataset):
    """Demosaicing: each pixel is measured in one colour, in Bayer's pattern.

    B. Bayer, "Color Imaging Array", US patent 3971065, 1976. The bundled networks did not
    learn it.
    """

    name = "demosaic"
    image_set = "cbsd68"
    parameters = {
        **pictures(),
        "sigma": Number([0.05], "Level of the noise.", "range of the image", least=0),
    }
    test_parameters = {"images": ["bundled"], "n_images": [1], "crop": [32]}

    def get_task(self):
        return Task("demosaicing", sigma=self.sigma)
