from benchmark_inverse_problems import Number, ProblemDataset, Task, pictures


class Dataset(ProblemDataset):
    """Compressed sensing: random coefficients of a scrambled cosine transform, noise 0.05.

    T. Do et al., "Fast and Efficient Compressive Sensing Using Structurally Random
    Matrices", IEEE TSP 2012. The bundled networks did not learn it.
    """

    name = "compressed_sensing"
    image_set = "cbsd68"
    parameters = {
        **pictures(),
        "ratio": Number([0.25], "Coefficients for each pixel.", above=0, most=1),
    }
    test_parameters = {"images": ["bundled"], "n_images": [1], "crop": [32]}

    def get_task(self):
        return Task("compressed_sensing", {"ratio": self.ratio}, sigma=0.05)
