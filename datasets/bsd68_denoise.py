from benchmark_inverse_problems import Choice, Number, ProblemDataset, Task, pictures


class Dataset(ProblemDataset):
    """Denoising of gray images: white Gaussian noise of `sigma` / 255.

    The protocol is that of table 2 of P. Putzky and M. Welling, "Recurrent Inference
    Machines for Solving Inverse Problems", 2017. With `quantised` the noisy image is
    rounded to 8 bits. Images: S. Roth and M. Black, "Fields of Experts", IJCV 2009, in
    gray.
    """

    name = "bsd68_denoise"
    image_set = "cbsd68"
    view = "gray"
    parameters = {
        **pictures(),
        "sigma": Number([15, 25, 50], "Deviation of the noise.", "1/255", above=0),
        "quantised": Choice([False, True], "Whether y is rounded to 8 bits."),
    }

    def get_task(self):
        return Task("denoising", sigma=self.sigma / 255, quantised=self.quantised)
