"""What a solver returns for the images of a problem."""

from dataclasses import dataclass, field

import torch

NAN = float("nan")


@dataclass
class Estimate:
    """What a method may return for an image, besides the image itself.

    Attributes
    ----------
    x_hat : tensor (1, C, *spatial)
    spread : tensor like x_hat, or None
        The error that the method expects of each number, a standard deviation.
    errors : list of float
        Mean squared errors of the estimate that the method thinks possible, if it draws
        samples.
    kernel : tensor (P, 1, h, w), or None
        The blur, of methods that find it: its `local_kernels`.
    """

    x_hat: torch.Tensor
    spread: torch.Tensor | None = None
    errors: list = field(default_factory=list)
    kernel: torch.Tensor | None = None


@dataclass
class Reconstruction:
    """An estimate and what it cost.

    Attributes
    ----------
    x_hat : tensor (1, C, *spatial) or None
        None once the result went through benchopt's cache.
    spread : tensor like x_hat, or None
        The error that the method expects of each number, a standard deviation.
    errors, kernel
        See `Estimate`.
    runtime : float
        Seconds.
    cpu_time : float
        Seconds of all threads of the process together.
    peak_memory : float
        MB.
    fit_time, fit_memory : float
        Seconds and MB of what the method learned from the measurements of all images
        before; NaN for methods that learn nothing.
    parameters : int
        Parameters of the networks.
    gflops : float
    threads : int
        torch's threads.
    device : str
        The device with its model.
    compiled : str
        Whether networks may be compiled, of `settings.COMPILED`.
    compile_time : float
        Seconds that compiling for this size took, outside of `runtime`; NaN if nothing is
        compiled.
    trials : int
        Settings tried on the tuning set.
    tuned : str
        The settings that tuning chose.
    outside : str
        How the measurements differ from what the network learned; "" if they do not.
    iterations : int
        Iterations done; 0 for methods that run in one go.
    final : bool
        False for the estimates on the way to the result.
    """

    x_hat: torch.Tensor | None
    spread: torch.Tensor | None = None
    errors: list = field(default_factory=list)
    kernel: torch.Tensor | None = None
    runtime: float = NAN
    cpu_time: float = NAN
    peak_memory: float = NAN
    fit_time: float = NAN
    fit_memory: float = NAN
    parameters: int = 0
    gflops: float = NAN
    threads: int = 0
    device: str = ""
    compiled: str = ""
    compile_time: float = NAN
    trials: int = 0
    tuned: str = ""
    outside: str = ""
    iterations: int = 0
    final: bool = True


class Reconstructions(list):
    """The reconstructions of a problem's images; only the gallery's are pickled.

    benchopt pickles every result into its cache. All but the first image, which the
    gallery shows, leave their pixels behind.
    """

    def __reduce__(self):
        kept = [Reconstruction(**vars(item)) for item in self]
        for item in kept[1:]:
            item.x_hat = item.spread = None
        return Reconstructions, (), None, iter(kept)


def as_estimate(result):
    """What a method returned for one image, as `Estimate`.

    Raises
    ------
    TypeError
        If it is a tuple of other than one or two parts.
    """
    if isinstance(result, Estimate):
        return result
    if not isinstance(result, tuple):
        return Estimate(result)
    if len(result) not in (1, 2):
        raise TypeError(
            f"A method returned {len(result)} values: return x_hat, or (x_hat, spread)."
        )
    return Estimate(*result)


def check_reconstruction(x_hat, shape, spread=None):
    """Check what a solver returned for one image.

    Parameters
    ----------
    x_hat : tensor (1, C, *spatial)
    shape : tuple of int
        The image's.
    spread : tensor like x_hat, or None

    Raises
    ------
    TypeError
        If it is not a float tensor.
    ValueError
        If its shape differs from the image's, a value is not finite, or a spread is
        negative.
    """
    check_image(x_hat, shape, "A reconstruction")
    if spread is not None:
        check_image(spread, shape, "The spread of a reconstruction")
        if bool((spread < 0).any()):
            raise ValueError(
                "The spread of a reconstruction has negative values: return standard "
                "deviations."
            )


def check_image(x, shape, what):
    """Check that x is a finite float image of a shape; `what` names it in the errors."""
    if not isinstance(x, torch.Tensor):
        raise TypeError(
            f"{what} must be a tensor and is a {type(x).__name__}: return x_hat, or "
            "(x_hat, spread)."
        )
    if x.layout != torch.strided or x.is_meta or x.is_nested:
        kind = "meta" if x.is_meta else "nested" if x.is_nested else x.layout
        raise TypeError(f"{what} is a {kind} tensor: return a dense one with values.")
    if tuple(x.shape) != tuple(shape):
        raise ValueError(
            f"{what} has the shape {tuple(x.shape)} and the image "
            f"{tuple(shape)}: return an estimate of the image's size."
        )
    if x.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{what} has the dtype {x.dtype}: return float32 or float64.")
    finite = torch.isfinite(x.float())  # 1e300 is infinite in float32
    if not bool(finite.all()):
        bad = int((~finite).sum())
        raise ValueError(
            f"{what} has {bad} values that are NaN or infinite: check the "
            "step sizes and the noise level of the method."
        )
