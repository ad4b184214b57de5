from benchmark_inverse_problems import Choice, ProblemDataset, Task, pictures

# Standard deviations of Gaussian kernels in pixels; path of the camera; noise.
LEVELS = {
    "gaussian": {
        "easy": {"least": 0.7, "most": 1.5, "sigma": 0.01},
        "medium": {"least": 1.0, "most": 3.0, "sigma": 0.02},
        "hard": {"least": 2.0, "most": 4.0, "sigma": 0.05},
    },
    "motion": {
        "easy": {"length_scale": 0.1, "std": 0.1, "sigma": 0.01},
        "medium": {"length_scale": 0.6, "std": 0.5, "sigma": 0.02},
        "hard": {"length_scale": 1.2, "std": 1.0, "sigma": 0.05},
    },
}


LEVELS["varying"] = LEVELS["motion"]


class Dataset(ProblemDataset):
    """Blind deblurring: each image has a kernel of its own, which solvers are not told.

    A. Levin et al., "Understanding and Evaluating Blind Deconvolution Algorithms", CVPR
    2009. Solvers know the family of the kernel and the noise. With `kernel=known` they
    are told the kernel: other methods then show what there is to gain.

    `images=kohler` are measured: R. Köhler et al., "Recording and Playback of Camera
    Shake", ECCV 2012. Their kernels vary, and nobody is told them: they need
    `family=varying` and `kernel=unknown`. `level` is then that of the tuning pictures. An
    estimate is judged by the sharp frame of the camera's path that it is closest to, after
    both are aligned. The data set states no licence; docs/data.md says how to get it.
    """

    name = "blind_deblur"
    image_set = "cbsd68"
    special_sets = ("kohler",)
    parameters = {
        **pictures(),
        "family": Choice(["gaussian"], "Family of the kernels.", LEVELS),
        "level": Choice(["medium"], "Size and noise.", LEVELS["gaussian"]),
        "kernel": Choice(
            ["unknown"], "Whether solvers are told.", ["unknown", "known"]
        ),
    }
    test_parameters = {
        "images": ["bundled"],
        "n_images": [1],
        "crop": [48],
        "family": ["gaussian", "motion", "varying"],
        "level": ["easy"],
        "kernel": ["unknown", "known"],
    }

    @classmethod
    def refusal_of(cls, parameters):
        refused = super().refusal_of(parameters)
        chosen = tuple(parameters.get(key) for key in ("images", "family", "kernel"))
        if refused or chosen[0] != "kohler" or chosen[1:] == ("varying", "unknown"):
            return refused
        return (
            f"images=kohler of {cls.name} has kernels that vary and are not known: use "
            "family=varying,kernel=unknown."
        )

    def get_task(self):
        level = dict(LEVELS[self.family][self.level])
        sigma = level.pop("sigma")
        told = {} if self.kernel == "known" else {"told": {"unknown": True}}
        operator = f"random_{self.family}_blur"
        known = self.kernel == "known"
        return Task(operator, level, sigma=sigma, known=known, **told)
