from benchmark_inverse_problems import Number, ProblemDataset, Task, pictures


class Dataset(ProblemDataset):
    """Inpainting of blocks of 8x8 pixels, noise 0.01.

    Holes as in M. Bertalmio et al., "Image Inpainting", SIGGRAPH 2000. The bundled
    networks learned single pixels and lines.
    """

    name = "inpaint_blocks"
    image_set = "cbsd68"
    parameters = {
        **pictures(),
        "keep": Number(
            [0.75], "Share of the blocks that are measured.", above=0, most=1
        ),
    }
    test_parameters = {"images": ["bundled"], "n_images": [1], "crop": [32]}

    def get_task(self):
        settings = {"keep": self.keep, "block": 8}
        return Task("inpainting", settings, sigma=0.01)
