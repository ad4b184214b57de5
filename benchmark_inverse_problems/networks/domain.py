"""What networks learned, and which measurements lie outside of it.

The JSON of bundled weights has an entry ``learned``: {family of operators: {...}} with

* ``images``: kinds of images, "gray", "colour" or "complex";
* ``sigma``: least and largest level of the Gaussian noise, in the range of the image, or
  relative to the mean of the measurements where ``relative`` is true;
* ``gain``: least and largest gain of the Poisson noise; without it there was none;
* ``factors``: the factors of down-sampling.

What an entry leaves out is not known and counts as learned.
"""

from ..physics.facts import decimation, family
from ..physics.noise import noise_parameter
from ..support.records import read_record
from ..support.text import either
from .ram import PUBLISHED as RAM
from .weights import FOLDER

# A level may exceed its range by this share: phantoms differ a little in their mean.
SLACK = 0.1
# The tasks of M. Terris et al., "Reconstruct Anything Model", ICLR 2026, for the published
# checkpoint. The paper does not state the levels of the noise.
FAMILIES = ("denoising", "blur", "downsampling", "inpainting", "mri", "tomography")
PUBLISHED = {RAM: {family: {} for family in FAMILIES}}


def learned_by(names, folder=FOLDER):
    """What some networks learned together, or None if it is not known of one of them.

    Parameters
    ----------
    names : iterable of str
        Names of bundled weights, or file names of published ones.
    """
    found = {}
    for name in names:
        learned = PUBLISHED.get(name)
        if learned is None:
            path = folder / f"{name}.json"
            content = read_record(path) if path.exists() else {}
            learned = content.get("learned")
        if learned is None:
            return None
        found |= learned
    return found


def outside(learned, observation):
    """How some measurements differ from what a network learned, a few words, or "".

    Parameters
    ----------
    learned : dict
        {family: entry}, see above.
    observation : Observation
    """
    physics, y = observation.physics, observation.y
    kind = family(physics)
    if kind not in learned:
        return f"it learned no {kind.replace('_', ' ')}"
    entry = learned[kind]
    colour = "gray" if observation.shape[1] == 1 else "colour"
    image = "complex" if observation.complex else colour
    if image not in entry.get("images", [image]):
        return f"it learned {either(entry['images'])} images, these are {image}"
    factor = decimation(physics)
    if factor not in entry.get("factors", [factor]):
        return f"it learned factors of {either(entry['factors'])}, this is {factor}"
    sigma, gain = (float(noise_parameter(physics, y, n)[0]) for n in ("sigma", "gain"))
    if gain > 0 and "sigma" in entry:
        low, high = entry.get("gain", (0, 0))
        if not low * (1 - SLACK) <= gain <= high * (1 + SLACK):
            return f"it learned gains of {low:g} to {high:g}, this is {gain:.3g}"
    if "sigma" in entry:
        low, high = entry["sigma"]
        low = 0 if gain > 0 else low
        unit = float(y.abs().mean()) if entry.get("relative") else 1.0
        if not low * (1 - SLACK) <= sigma / unit <= high * (1 + SLACK):
            return (
                f"it learned noise of {low:g} to {high:g}, this is {sigma / unit:.3g}"
            )
    return ""
