"""The training loop of all recipes, with checkpoints, resumption and a curve."""

import csv
import io
import json
import math
import pickle
import time
from collections import ChainMap
from dataclasses import dataclass, field
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import cloudpickle
import torch
from torch.multiprocessing.reductions import reduce_tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from ..networks.precision import in_fast_layout
from ..networks.weights import save_weights
from ..solving.settings import machine
from ..support.atomic import replacing
from ..support.progress import in_ci

CHECKPOINT_EVERY = 120  # seconds between two checkpoints
EVALUATIONS = 40  # points of the curve
WARM_UP = 300  # steps of linear growth of the learning rate
# The moving average of the weights covers the last SHARE of the steps, at most 1000 of
# them. The learning rate is near zero in these steps. A longer average is worse than
# the last weights, by up to 3 dB after 2000 steps from random weights.
DECAY, SHARE = 0.999, 1 / 40


@dataclass
class Recipe:
    """Everything that defines a bundled network.

    Attributes
    ----------
    name : str
        Stem of the weights' file.
    build : callable () -> nn.Module
    draw : callable (sampler, step) -> data
        Draws the data of a step: tensors and operators on the CPU, in lists or tuples.
        They depend on the sampler's seed and the step only.
    loss : callable (model, data, step) -> tensor
        The training loss of one step, from its data on the model's device.
    validate : callable (model, sampler) -> dict of float
        Scores on held-out images, in dB.
    steps : int
    lr : float
        Learning rate of Adam after the warm-up; it follows a cosine to zero.
    patch : int
        Side of the training patches.
    seed : int
    clip : float
        Largest norm of the gradient.
    learned : dict
        What the network learns, see `networks.domain`.
    sampler : callable () -> sampler, or None
        Makes the training data of a recipe that needs no photographs. None: random
        patches of the images given with ``--data``.
    bits : {16, 8}
        Bits of a parameter in the file, see `save_weights`.
    options : str
        Options of the command line that changed the recipe, for the JSON.
    """

    name: str
    build: callable
    draw: callable
    loss: callable
    validate: callable
    steps: int
    lr: float
    patch: int = 64
    seed: int = 0
    clip: float = 1.0
    learned: dict = field(default_factory=dict)
    sampler: callable = None
    bits: int = 16
    options: str = ""


def share(tensor):
    """Send a tensor by shared memory, which cannot hold a lazy conjugate."""
    return reduce_tensor(tensor.resolve_conj())


class SharingPickler(cloudpickle.Pickler):
    """Pickles deepinv's operators, which hold lambdas. Tensors go by shared memory."""

    dispatch_table = ChainMap(
        {torch.Tensor: share},
        ForkingPickler._extra_reducers,
        cloudpickle.Pickler.dispatch_table,
    )


class Draws(Dataset):
    """The data of each step of a recipe, pickled."""

    def __init__(self, draw, sampler):
        self.draw, self.sampler = draw, sampler

    def __getitem__(self, step):
        file = io.BytesIO()
        SharingPickler(file).dump(self.draw(self.sampler, step))
        return file.getvalue()


def draws(recipe, sampler, steps, workers):
    """The data of some steps in their order, drawn ahead by worker processes.

    Parameters
    ----------
    recipe : Recipe
    sampler : PatchSampler or PhantomSampler
    steps : range
    workers : int
        Number of worker processes. 0 draws the data of a step when it is needed.
    """
    if not workers:
        return (recipe.draw(sampler, step) for step in steps)
    loader = DataLoader(
        Draws(recipe.draw, sampler),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=4,
        collate_fn=bytes,
        # A forked process cannot make sparse matrices once its parent has used a GPU.
        multiprocessing_context="spawn",
        # A generator of its own leaves torch's stream of random numbers alone.
        generator=torch.Generator(),
    )
    return map(pickle.loads, loader)


def train(recipe, sampler, folder, device="cpu", quiet=False, workers=0):
    """Train a recipe's network, or go on where an interrupted training stopped.

    Parameters
    ----------
    recipe : Recipe
    sampler : PatchSampler or PhantomSampler
    folder : path
        Holds the checkpoint and, at the end, ``NAME.safetensors`` (the moving
        average of the weights), ``NAME.json`` and ``NAME.csv`` (the curve).
    workers : int
        Number of processes that draw the steps' data ahead, for a device that would
        wait for it. They change the speed only.

    Returns
    -------
    dict
        What ``NAME.json`` holds.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / f"{recipe.name}.checkpoint.pt"
    torch.manual_seed(recipe.seed)
    model = in_fast_layout(recipe.build().to(device))
    decay = min(DECAY, max(0, 1 - 1 / (SHARE * recipe.steps)))
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: (
            min(1, (step + 1) / WARM_UP)
            * (1 + math.cos(math.pi * step / recipe.steps))
            / 2
        ),
    )
    state = {"step": 0, "wall": 0.0, "total": 0.0, "curve": [], "machines": []}
    parts = {
        "model": model,
        "average": average,
        "optimizer": optimizer,
        "schedule": schedule,
    }
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        state |= saved["state"]
        for key, part in parts.items():
            part.load_state_dict(saved[key])

    if machine(device) not in state["machines"]:
        state["machines"].append(machine(device))

    def save():
        saved = {key: part.state_dict() for key, part in parts.items()}
        with replacing(checkpoint) as temporary:
            torch.save(saved | {"state": state}, temporary)

    every = max(1, recipe.steps // EVALUATIONS)
    clock = last_save = time.monotonic()
    steps = range(state["step"], recipe.steps)
    progress = tqdm(
        zip(steps, draws(recipe, sampler, steps, workers), strict=True),
        initial=state["step"],
        total=recipe.steps,
        desc=recipe.name,
        mininterval=10,
        disable=quiet or in_ci(),
    )
    for step, data in progress:
        model.train()
        loss = recipe.loss(model, on_device(data, device), step)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
        schedule.step()
        average.update_parameters(model)
        state["total"] += loss.item()
        now = time.monotonic()
        state["step"] = step + 1
        state["wall"] += now - clock
        clock = now
        if (step + 1) % every == 0 or step + 1 == recipe.steps:
            average.eval()
            with torch.no_grad():
                scores = recipe.validate(average.module, sampler)
            mean = round(state["total"] / (step % every + 1), 5)
            state["curve"].append({"step": step + 1, "loss": mean} | scores)
            state["total"] = 0.0
            tqdm.write(f"{recipe.name} {state['curve'][-1]}")
            clock = time.monotonic()
        if now - last_save > CHECKPOINT_EVERY:
            save()
            last_save = time.monotonic()
    save()
    return export(recipe, average.module, state, folder, sampler.description)


def export(recipe, model, state, folder, data):
    """Write the weights, their JSON and their curve; return the JSON's content."""
    description = {
        "recipe": f"python -m benchmark_inverse_problems train {recipe.name} "
        f"{recipe.options}".strip(),
        "data": data,
        "seed": recipe.seed,
        "steps": state["step"],
        "learning_rate": recipe.lr,
        "wall_time_s": round(state["wall"]),
        "machine": "; ".join(state["machines"]),
        "parameters": sum(p.numel() for p in model.parameters()),
        "learned": recipe.learned,
        "validation": {k: v for k, v in state["curve"][-1].items() if k != "step"},
    }
    path = folder / f"{recipe.name}.safetensors"
    save_weights(model.state_dict(), path, description, recipe.bits)
    with (folder / f"{recipe.name}.csv").open(
        "w", newline="", encoding="utf-8"
    ) as file:
        writer = csv.DictWriter(file, state["curve"][0])
        writer.writeheader()
        writer.writerows(state["curve"])
    return json.loads((folder / f"{recipe.name}.json").read_text(encoding="utf-8"))


def autocast(device):
    """bfloat16 for the convolutions, as these networks train well in it."""
    return torch.autocast(torch.device(device).type, torch.bfloat16)


def mean_psnr(estimate, x):
    """Mean PSNR of a batch for a peak of 1, in dB, as a float for the curve.

    Parameters
    ----------
    estimate, x : tensor (B, C, H, W)
        Restored images and their truth.
    """
    mse = (estimate.float() - x).square().flatten(1).mean(1)
    return round(float(-10 * mse.log10().mean()), 3)


def on_device(data, device):
    """Move the tensors and operators of a step, in lists and tuples, to a device."""
    if isinstance(data, list | tuple):
        return [on_device(part, device) for part in data]
    return data.to(device)


def device_of(model):
    """The device that a network's parameters are on."""
    return next(model.parameters()).device
