"""What a method or a metric may need of a problem, and what a problem offers."""

from .facts import (
    decimation,
    family,
    is_diagonal,
    is_differentiable,
    is_linear,
    linear_part,
    sums_pixels,
)

# {word: what a method needs, in a sentence that starts with "it needs"}.
NEEDS = {
    "linear": "a linear operator",
    "differentiable": "an operator with a gradient",
    "not linear": "an operator with a gradient that is not linear",
    "magnitudes": "magnitudes |B x|^2 with a linear B",
    "phases": "measurements that keep their phase",
    "known operator": "to be told the operator",
    "denoising": "images that only noise has changed",
    "blur": "a circular blur with one kernel",
    "tomography": "parallel-beam tomography",
    "sums of pixels": "measurements that are sums of pixels with weights of at least zero",
    "diagonal": "an operator whose singular value decomposition is known",
    "low resolution": "low-resolution images",
    "2d": "images with two spatial axes",
    "3d": "volumes, with three spatial axes",
    "real": "real images",
    "null space": "an operator whose null space is found at little cost",
}


def offers(physics, shape, complex=False, known=True):
    """What a problem offers, a set of keys of `NEEDS`.

    Parameters
    ----------
    physics : deepinv.physics.Physics
    shape : tuple of int
        (1, C, *spatial) of the image.
    complex : bool
        Whether the two channels of an image are its real and its imaginary part.
    known : bool
        Whether the method is told the operator.
    """
    offered = {
        "linear": is_linear(physics),
        "differentiable": is_differentiable(physics),
        "not linear": is_differentiable(physics) and not is_linear(physics),
        "magnitudes": linear_part(physics) is not None,
        "phases": linear_part(physics) is None,
        "known operator": known,
        "denoising": family(physics) == "denoising",
        "blur": family(physics) == "blur",
        "tomography": family(physics) == "tomography",
        "sums of pixels": sums_pixels(physics),
        "diagonal": is_diagonal(physics),
        "low resolution": decimation(physics) > 1,
        "2d": len(shape) == 4,
        "3d": len(shape) == 5,
        "real": not complex,
        # By conjugate gradients a hundred iterations, which are long for volumes.
        "null space": is_diagonal(physics) or (is_linear(physics) and len(shape) == 4),
    }
    return {word for word, true in offered.items() if true}


def refusal(needs, offered):
    """Why needs are not met, "needs ...", or None if they are.

    Raises
    ------
    ValueError
        If a need is not a key of `NEEDS`.
    """
    unknown = sorted(set(needs) - NEEDS.keys())
    if unknown:
        raise ValueError(
            f"needs={unknown[0]} is not known: use some of {', '.join(NEEDS)}."
        )
    missing = [text for word, text in NEEDS.items() if word in needs - offered]
    return f"needs {' and '.join(missing)}" if missing else None
