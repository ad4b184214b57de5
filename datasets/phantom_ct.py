from benchmark_inverse_problems import Number, ProblemDataset, Task, pictures


class Dataset(ProblemDataset):
    """Parallel-beam tomography of 128x128 phantoms: few angles, 2 % noise.

    The noise has a standard deviation of 2 % of the mean of |Ax|. Phantoms: random
    ellipses, or L. Shepp and B. Logan, "The Fourier Reconstruction of a Head
    Section", 1974. `images=lidc` are slices through chests: S. Armato et al., "The Lung
    Image Database Consortium (LIDC) and Image Database Resource Initiative (IDRI)", Medical
    Physics 2011. They are reconstructions of scanners, of which this problem makes
    measurements. Their licence is CC BY 3.0 (docs/data.md).
    """

    name = "phantom_ct"
    image_set = "ellipses"
    special_sets = ("lidc",)
    parameters = {
        **pictures("ellipses", "shepp_logan", crop="none"),
        "angles": Number(
            [60, 20], "Angles, evenly over 180 degrees.", least=1, whole=True
        ),
    }
    test_parameters = {"images": ["ellipses"], "n_images": [1], "crop": [64]}

    def get_task(self):
        return Task("tomography", {"angles": self.angles}, sigma=0.02, relative=True)
