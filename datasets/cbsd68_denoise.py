from benchmark_inverse_problems import Number, ProblemDataset, Task, pictures


class Dataset(ProblemDataset):
    """Denoising of colour images: white Gaussian noise of `sigma` / 255.

    Images: S. Roth and M. Black, "Fields of Experts", IJCV 2009 (68 of the test
    images of BSDS300, in colour).
    """

    name = "cbsd68_denoise"
    image_set = "cbsd68"
    parameters = {
        **pictures(),
        "sigma": Number([15, 25, 50], "Deviation of the noise.", "1/255", above=0),
    }

    def get_task(self):
        return Task("denoising", sigma=self.sigma / 255)
