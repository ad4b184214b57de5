from benchmark_inverse_problems import Choice, ProblemDataset, Task, pictures

# Of the simulation: ours, as the microscopes of the data set differ.
GAIN, SIGMA = 0.02, 0.02


class Dataset(ProblemDataset):
    """Denoising of measured microscopy: one capture, or the mean of several.

    Y. Zhang et al., "A Poisson-Gaussian Denoising Dataset with Real Fluorescence Microscopy
    Images", CVPR 2019 (FMD). The images are field of view 19, which the authors test on, of
    each of the twelve types. The truth is the mean of 50 captures. The noise is calibrated
    by ten of them. Without the data, bundled pictures in gray get noise of the same kind.
    The data set states no licence; docs/data.md says how to get it.
    """

    name = "fmd_denoise"
    image_set = "fmd"
    view = "gray"
    special_sets = ("fmd",)
    parameters = {
        **pictures(n_images=12),
        "averages": Choice([1, 4], "Captures in the mean.", [1, 2, 4, 8, 16]),
    }

    @property
    def measurement(self):
        return {"averages": self.averages}

    def get_task(self):
        n = self.averages
        return Task("denoising", sigma=SIGMA / n**0.5, gain=GAIN / n)
