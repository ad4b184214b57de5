"""The fixed operators by name, and the levels of their families as data."""

# {name: factory}. A factory takes the image's shape (C, *spatial), a
# `numpy.random.RandomState` and its settings, and returns a deepinv physics.
OPERATORS = {}
# {name: (shape, settings)}: a small example, for the tests that every operator passes.
EXAMPLES = {}

# The paper on RAM does not print the settings of its easy, medium and hard deblurring: these
# levels are ours. `std` is in pixels, `sigma` is the noise.
GAUSSIAN_BLUR = {
    "easy": {"std": 1.0, "sigma": 0.01},
    "medium": {"std": 2.0, "sigma": 0.05},
    "hard": {"std": 4.0, "sigma": 0.1},
}
# `length_scale` and `std` shape the camera's random path (see `motion_kernel`).
MOTION_BLUR = {
    "easy": {"length_scale": 0.1, "std": 0.1, "seed": 1, "sigma": 0.01},
    "medium": {"length_scale": 0.6, "std": 0.5, "seed": 2, "sigma": 0.05},
    "hard": {"length_scale": 1.2, "std": 1.0, "seed": 3, "sigma": 0.1},
}
# `keep` is the share of the pixels that are measured.
MISSING_PIXELS = {
    "random_70": {"keep": 0.7, "sigma": 0.01},
    "random_50": {"keep": 0.5, "sigma": 0.01},
    "random_30": {"keep": 0.3, "sigma": 0.01},
    "lines": {"keep": 0.7, "lines": True, "sigma": 0.01},
}
# Share of the columns around frequency zero that are always measured (fastMRI).
MRI_CENTRE = {4: 0.08, 8: 0.04}


def operator(shape, **settings):
    """Enter a factory into `OPERATORS`, with an example for the tests.

    Parameters
    ----------
    shape : tuple of int
        (C, *spatial) of a small image.
    **settings
        The factory's, of the example.
    """

    def enter(factory):
        OPERATORS[factory.__name__] = factory
        EXAMPLES[factory.__name__] = (shape, settings)
        return factory

    return enter


def full_centre(width, share):
    """The columns about frequency zero that are measured, as (first, number)."""
    low = max(1, int(round(width * share)))
    return (width - low + 1) // 2, low


def check_size(shape, least, what):
    """Raise a ValueError if the image is smaller than `least` pixels a side."""
    if min(shape[1:]) < least:
        sides = "x".join(map(str, shape[1:]))
        limit = "x".join([str(least)] * len(shape[1:]))
        raise ValueError(
            f"{what} needs images of at least {limit} pixels and got one of "
            f"{sides}: use larger images."
        )
