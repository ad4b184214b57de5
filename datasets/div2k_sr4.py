from benchmark_inverse_problems import ProblemDataset, Task, pictures


class Dataset(ProblemDataset):
    """Super-resolution x4: circular bicubic down-sampling, noise 0.01.

    Images: E. Agustsson and R. Timofte, "NTIRE 2017 Challenge on Single Image
    Super-Resolution: Dataset and Study", CVPRW 2017. Operator: as in the papers on
    RAM (Terris et al., 2025) and FiRe (Terris, Kamilov, Moreau, 2025).
    """

    name = "div2k_sr4"
    image_set = "div2k"
    parameters = pictures()

    def get_task(self):
        return Task("downsampling", {"factor": 4}, sigma=0.01)
