from benchmark_inverse_problems import Number, ProblemDataset, Task, pictures


class Dataset(ProblemDataset):
    """Super-resolution of whole images: MATLAB's bicubic down-sampling, no noise.

    The protocol is that of table 3 of P. Putzky and M. Welling, "Recurrent Inference
    Machines for Solving Inverse Problems", 2017, and of most super-resolution papers.
    Images: D. Martin et al., "A Database of Human Segmented Natural Images", ICCV 2001.
    """

    name = "bsd100_sr"
    image_set = "bsd100"
    parameters = {
        **pictures(crop="none"),
        "factor": Number([2, 3, 4], "Down-sampling factor.", least=2, whole=True),
    }

    def get_task(self):
        return Task("downsampling_matlab", {"factor": self.factor})
