"""Pretrained parameters: bundled ones with checksums, published ones through deepinv."""

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from ..support.atomic import replacing
from ..support.checkpoints import loading_safely, published_path
from ..support.checks import check_known
from ..support.records import read_record
from .precision import IN_FLOAT32, rounded_with_sums

FOLDER = Path(__file__).parents[1] / "weights"
# Open notes of what is loaded, see `noted`.
NOTES = []
# Suffix of the name of the scales of a kernel that is stored in 8 bits.
SCALES = ":scales"


def save_weights(state_dict, path, description, bits=16):
    """Write a network's parameters and, beside them, the JSON that describes them.

    Parameters
    ----------
    state_dict : dict of tensor
    path : path
        ``NAME.safetensors``; the JSON is ``NAME.json``.
    description : dict
        Recipe, data, seed, scores; the file's checksum is added.
    bits : {16, 8}
        16 stores float16, which changes no PSNR by 0.01 dB. 8 stores kernels as int8, but
        the first and the last one, with a scale for each first index. It changes about
        0.01 dB.
    """
    path = Path(path)
    rounded = {
        k: v.half() if v.is_floating_point() else v for k, v in state_dict.items()
    }
    if bits == 8:
        for key, value in state_dict.items():
            if value.ndim > 1 and IN_FLOAT32.isdisjoint(key.split(".")):
                rounded |= quantise(key, value)
    with replacing(path) as temporary:
        save_file({k: v.cpu().contiguous() for k, v in rounded.items()}, temporary)
        checksum = hashlib.sha256(temporary.read_bytes()).hexdigest()
    text = json.dumps(description | {"sha256": checksum}, indent=2)
    with replacing(path.with_suffix(".json")) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def quantise(key, kernel):
    """A kernel as int8, its filters with their sums, and the scales that undo it."""
    kernel = kernel.float()
    largest = kernel.abs().flatten(1).amax(1)
    # Kernels that were never trained are zero, but their scales must not be.
    scales = largest.clamp_min(torch.finfo(torch.float32).tiny) / 127
    scaled = kernel / along_first(scales, kernel)
    if kernel.ndim > 2:
        scaled = rounded_with_sums(scaled, lambda x: x.round().clamp(-127, 127))
    return {key: scaled.round().to(torch.int8), key + SCALES: scales}


def dequantise(stored):
    """The state dict of parameters as `save_weights` stores them."""
    state_dict = {k: v for k, v in stored.items() if not k.endswith(SCALES)}
    for key, value in state_dict.items():
        if key + SCALES in stored:
            state_dict[key] = value * along_first(stored[key + SCALES], value)
    return state_dict


def along_first(vector, tensor):
    """The vector, broadcast along all but the first dimension of a tensor."""
    return vector.view(-1, *(1,) * (tensor.ndim - 1))


def checksum(name, folder=FOLDER):
    """The first digits of the checksum of bundled weights, "" where there are none."""
    path = Path(folder) / f"{name}.json"
    return read_record(path).get("sha256", "")[:8] if path.exists() else ""


def bundled(name, folder=FOLDER):
    """Whether the suite has the weights."""
    return (Path(folder) / f"{name}.safetensors").exists()


@contextmanager
def noted():
    """Note which bundled weights are loaded: a dict {name: checksum} that fills."""
    names = {}
    NOTES.append(names)
    try:
        yield names
    finally:
        # By identity: two notes may hold the same.
        NOTES[:] = [other for other in NOTES if other is not names]


def load_weights(network, name, folder=FOLDER):
    """Fill a network with bundled parameters.

    Raises
    ------
    FileNotFoundError
        If the file or its JSON is missing.
    ValueError
        If the checksum differs or the parameters are of another architecture.
    """
    path = Path(folder) / f"{name}.safetensors"
    again = (
        f"restore {path.name} from the repository or train it again with "
        f"`python -m benchmark_inverse_problems train {name} --data FOLDER`."
    )
    for file in (path, path.with_suffix(".json")):
        if not file.exists():
            raise FileNotFoundError(f"The bundled weights {file} are missing: {again}")
    content = path.read_bytes()
    expected = read_record(path.with_suffix(".json")).get("sha256")
    if hashlib.sha256(content).hexdigest() != expected:
        raise ValueError(
            f"The weights {path} are damaged (their checksum is not the one in "
            f"{path.stem}.json): {again}"
        )
    try:
        state_dict = dequantise(load(content))
    except SafetensorError as error:
        raise ValueError(
            f"The weights {path} are damaged ({error}): {again}"
        ) from error
    mismatch = describe_mismatch(network.state_dict(), state_dict)
    if mismatch:
        raise ValueError(
            f"The weights {path} are of another architecture than "
            f"{type(network).__name__} ({mismatch}): {again}"
        )
    network.load_state_dict(state_dict)
    for names in NOTES:
        names[name] = expected[:8]
    return network


def describe_mismatch(expected, found):
    """How two state dicts differ, in a few words; empty if they match."""
    for key in sorted(set(expected) | set(found)):
        if key not in found:
            return f"{key} is missing"
        if key not in expected:
            return f"{key} is not expected"
        if expected[key].shape != found[key].shape:
            shapes = tuple(found[key].shape), tuple(expected[key].shape)
            return f"{key} has the shape {shapes[0]} instead of {shapes[1]}"
    return ""


def published(build, solver, file_name, instead="weights=bundled"):
    """Build a network with its authors' checkpoint, downloaded by deepinv.

    Parameters
    ----------
    build : callable () -> nn.Module
        deepinv's class with its `pretrained` argument.
    solver : str
        Name of the solver, for the message.
    file_name : str
        The checkpoint's file name.
    instead : str
        The solver's parameter that needs no such file, for the message.

    Raises
    ------
    FileNotFoundError
        If the checkpoint is not on disk and cannot be downloaded.
    ValueError
        If the file is damaged or of another network.
    """
    path = published_path(file_name)
    instead = f"or run {solver}[{instead}]."
    try:
        with loading_safely():
            return build()
    except OSError as error:  # no network, or a full disk
        raise FileNotFoundError(
            f"The published weights {file_name} are not on disk and could not be "
            f"downloaded ({error}): put them at {path}, {instead}"
        ) from error
    except Exception as error:
        raise ValueError(
            f"The published weights {path} cannot be loaded "
            f"({str(error).splitlines()[0]}): remove them to download them again, {instead}"
        ) from error


def choose(weights, **loaders):
    """Call the loader that a solver's `weights` parameter names.

    Raises
    ------
    ValueError
        If no loader has that name.
    """
    check_known("weights", weights, loaders)
    return loaders[weights]()
