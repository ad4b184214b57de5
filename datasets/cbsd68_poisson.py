from benchmark_inverse_problems import Number, ProblemDataset, Task, pictures


class Dataset(ProblemDataset):
    """Denoising of Poisson-Gaussian noise: y = gain P(x / gain) + 0.01 n.

    Model: A. Foi et al., "Practical Poissonian-Gaussian Noise Modeling and Fitting
    for Single-Image Raw-Data", TIP 2008. A gain of 0.1 is ten photons at white.
    """

    name = "cbsd68_poisson"
    image_set = "cbsd68"
    parameters = {
        **pictures(),
        "gain": Number([0.01, 0.04, 0.1], "Gain of the Poisson noise.", above=0),
    }

    def get_task(self):
        return Task("denoising", sigma=0.01, gain=self.gain)
