from benchmark_inverse_problems import (
    Choice,
    Number,
    ProblemDataset,
    Task,
    pictures,
)

TASKS = {
    "denoise": Task("denoising", sigma=0.1),
    "deblur": Task("gaussian_blur", {"std": 1.0}, sigma=0.02),
    "sr": Task("downsampling", {"factor": 2}, sigma=0.02),
    "inpaint": Task("inpainting", {"keep": 0.5}, sigma=0.02),
    "cs": Task("compressed_sensing", {"ratio": 0.5}, sigma=0.02),
}


class Dataset(ProblemDataset):
    """Images of a Gaussian field, whose posterior is known: `wiener` finds its mean.

    No method has a smaller mean squared error. It is exact for linear operators and
    Gaussian noise, see S. Kay, "Fundamentals of Statistical Signal Processing", 1993.
    """

    name = "gaussian_field"
    image_set = "gaussian_fields"
    parameters = {
        "images": Choice(["gaussian_fields"], "The images are drawn from the field."),
        "n_images": pictures(n_images=16)["n_images"],
        "size": Number([64], "Side of the images.", "pixels", least=8, whole=True),
        "task": Choice(["denoise", "inpaint"], "Operator and noise.", TASKS),
    }
    test_parameters = {"n_images": [1], "size": [32], "task": ["denoise"]}

    @property
    def side(self):
        return self.size

    def viewed(self, images, side):
        return images.sized(side)  # a part of a field is no periodic field

    def get_task(self):
        return TASKS[self.task]
