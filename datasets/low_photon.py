from benchmark_inverse_problems import Number, ProblemDataset, Task, pictures


class Dataset(ProblemDataset):
    """Denoising of single photons: y = gain P(x / gain), one photon at white.

    The regime of single-photon detectors: D. Shin et al., "Photon-Efficient Computational
    3-D and Reflectivity Imaging With Single-Photon Detectors", IEEE TCI 2015. The bundled
    networks learned ten photons and more.
    """

    name = "low_photon"
    image_set = "cbsd68"
    parameters = {
        **pictures(),
        "gain": Number([1.0], "Gain of the Poisson noise.", above=0),
    }
    test_parameters = {"images": ["bundled"], "n_images": [1], "crop": [32]}

    def get_task(self):
        return Task("denoising", gain=self.gain)
