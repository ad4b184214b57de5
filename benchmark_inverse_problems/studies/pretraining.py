"""What does pretraining do to the deep image prior?

Fits the U-Net of EDIP with random and with pretrained weights. It shows how much faster
a pretrained network is, what happens to its Jacobian, and whether it sees ellipses in
photographs. Prints the tables and writes one page. Every fit is kept in the study's
folder, so an interrupted study goes on where it stopped.
"""

import copy
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import interpolate
from tqdm import tqdm

from ..judge.case import Case
from ..methods.edip import STARTS, fine_tune, load_unet
from ..methods.total_variation import total_variation
from ..networks.unet import UNet
from ..networks.weights import checksum
from ..physics.noise import noise_level, relative_weight
from ..physics.null_space import range_projection
from ..problems.images import open_images, to_gray
from ..problems.phantoms import PHANTOM_SIZE
from ..problems.problem import Problem, Task
from ..problems.reading import Images, central_crop
from . import study_parser
from .jacobian import singular_values
from .pretraining_report import RISES, report
from .resumable import Pieces

# Bundled weights behind the tables.
WEIGHTS = ("edip_ct",)
# The problem phantom_ct[angles=20].
TASK = Task("tomography", {"angles": 20}, sigma=0.02, relative=True)
MARGIN = 0.1  # dB below the steady PSNR of DIP at which a fit counts as risen
TV_WEIGHT = 0.1  # of the solver tv, tuned for this problem


@dataclass(frozen=True)
class Method:
    """A way to fit the U-Net.

    Attributes
    ----------
    pretrained : bool
        Whether the fit starts from the bundled weights, not from random ones.
    start : str
        A key of `STARTS`: the network's input.
    frozen_encoder : bool
    lr : float
        Learning rate. The default is the best one on phantoms of ellipses.
    """

    pretrained: bool
    start: str
    frozen_encoder: bool = False
    lr: float = 3e-4


# These methods are fitted with all seeds, the others with the first seed only.
COMPARED = ("DIP", "EDIP")
METHODS = {
    "DIP": Method(False, "noise"),
    "EDIP": Method(True, "pseudoinverse"),
    "DIP from A^+ y": Method(False, "pseudoinverse"),
    "EDIP from noise": Method(True, "noise"),
    "EDIP, frozen encoder": Method(True, "pseudoinverse", frozen_encoder=True),
}


@dataclass(frozen=True)
class Settings:
    """What the study computes.

    Attributes
    ----------
    iterations : int
        Iterations of each fit of the Shepp-Logan phantom.
    gallery_iterations : int
        Iterations of each fit of a photograph.
    seeds : int
        Number of seeds. Each draws its own measurement noise, random weights and random
        input. The noise of the first seed is that of the suite's problem.
    rank : int
        Number of singular values of each Jacobian.
    """

    iterations: int = 3000
    gallery_iterations: int = 1000
    seeds: int = 3
    rank: int = 100

    @property
    def stages(self):
        """Iterations at which the Jacobian is computed: {iteration: name}."""
        early, middle = self.iterations // 40, self.iterations // 4
        return {
            0: "before",
            early: f"after {early} iterations",
            middle: f"after {middle} iterations",
            self.iterations: "at the end",
        }


def rise(psnr, level):
    """The first iteration that is within `MARGIN` of a level; None if there is none."""
    risen = (torch.as_tensor(psnr) >= level - MARGIN).nonzero()
    return int(risen[0]) if len(risen) else None


def steady(psnr):
    """The median over the last half of the iterations."""
    psnr = torch.as_tensor(psnr)
    return float(psnr[len(psnr) // 2 :].median())


def fit(method, problem, index, iterations, label, stages=()):
    """Fit one network to one measurement.

    Returns
    -------
    dict
        ``psnr`` and ``seconds`` after each iteration, ``first`` and ``last`` estimate,
        the input ``z`` and the parameters ``states`` at the stages.
    """
    x, observation = problem.truth(index), problem.observe(index)
    y, physics = observation.y, observation.physics
    torch.manual_seed(index)
    network = load_unet("bundled", physics, 1) if method.pretrained else UNet()
    with torch.no_grad():
        z = STARTS[method.start](physics, y)
    estimates = fine_tune(
        network,
        z,
        y,
        physics,
        frozen_encoder=method.frozen_encoder,
        lr=method.lr,
        iterations=iterations,
    )
    psnr, seconds, states, elapsed = [], [], {}, 0.0
    progress = tqdm(range(iterations + 1), desc=label, mininterval=5)
    for iteration in progress:
        start = time.perf_counter()
        with torch.no_grad():
            estimate = next(estimates)
        elapsed += time.perf_counter() - start
        if iteration == 0:
            first = estimate.clone()
        psnr.append(Case(estimate, x, observation).psnr())
        seconds.append(elapsed)
        if iteration in stages:
            states[iteration] = copy.deepcopy(network.state_dict())
        progress.set_postfix(psnr=f"{psnr[-1]:.2f}", refresh=False)
    return {
        "psnr": torch.tensor(psnr),
        "seconds": torch.tensor(seconds),
        "first": first,
        "last": estimate.clone(),
        "z": z,
        "states": states,
    }


def spectrum(state, z, rank, label):
    """Singular values of the Jacobian of a network with some parameters."""
    network = UNet()
    network.load_state_dict(state)
    return singular_values(
        network,
        z,
        rank,
        generator=torch.Generator().manual_seed(0),
        progress=lambda passes: tqdm(passes, desc=label),
    )


def shepp_logan(seeds):
    """The problem phantom_ct[images=shepp_logan,angles=20], with new noise per seed."""
    images = open_images("shepp_logan")
    return Problem(Images(images.names * seeds, lambda i: images[0][1]), TASK)


def gallery_problem():
    """One phantom of ellipses, and the bundled photographs as gray phantoms."""
    phantoms, photographs = open_images("ellipses"), open_images("bundled")

    def image(index):
        if index == 0:
            return phantoms[0][1]
        x = to_gray(photographs[index - 1][1])
        x = central_crop(x, min(x.shape[-2:]))
        size = (PHANTOM_SIZE, PHANTOM_SIZE)
        return interpolate(x, size, mode="bilinear", antialias=True).clamp(0, 1)

    return Problem(Images([phantoms.names[0], *photographs.names], image), TASK)


def unseen_error(x_hat, x, observation):
    """The error in the null space of A, relative to filling in nothing there.

    It is 0 if all that was filled in is true. Above 1, filling in nothing would be
    better.
    """
    project = range_projection(observation.physics, observation.shape)
    error, true = ((image - project(image)).norm() for image in (x_hat - x, x))
    return float(error / true)


def misfit(x_hat, observation):
    """Standard deviation of A x - y, divided by that of the noise."""
    residual = observation.physics.A(x_hat) - observation.y
    level = noise_level(observation.physics, observation.y)
    return float(residual.square().mean().sqrt()) / level


def compare(pieces, settings):
    """All fits of the Shepp-Logan phantom: {method: one result a seed}."""
    problem = shepp_logan(settings.seeds)
    return {
        name: [
            pieces(
                f"shepp_logan-{name}-{seed}",
                fit,
                method,
                problem,
                seed,
                settings.iterations,
                f"{name}, seed {seed}",
                settings.stages if seed == 0 else (),
            )
            for seed in range(settings.seeds if name in COMPARED else 1)
        ]
        for name, method in METHODS.items()
    }


def summarise(fits):
    """Medians over the seeds of each method's start, rise and steady PSNR.

    The rise is measured against the steady PSNR of DIP with the same seed. It is
    infinite if more than half of the seeds never get there.
    """
    levels = [steady(run["psnr"]) for run in fits["DIP"]]
    rows = {}
    for name, runs in fits.items():
        risen = [
            rise(run["psnr"], level) for run, level in zip(runs, levels, strict=False)
        ]
        times = [
            float("inf") if i is None else float(run["seconds"][i])
            for run, i in zip(runs, risen, strict=True)
        ]
        rows[name] = {
            "seeds": len(runs),
            "start": float(np.median([float(run["psnr"][0]) for run in runs])),
            RISES[0]: float(
                np.median([float("inf") if i is None else i for i in risen])
            ),
            RISES[1]: float(np.median(times)),
            "steady PSNR": float(np.median([steady(run["psnr"]) for run in runs])),
            "seconds for all": float(np.median([run["seconds"][-1] for run in runs])),
        }
    return rows


def spectra(pieces, settings, fits):
    """Singular values by method and stage, for the first seed."""
    return {
        name: {
            stage: pieces(
                f"spectrum-{name}-{iteration}",
                spectrum,
                fits[name][0]["states"][iteration],
                fits[name][0]["z"],
                settings.rank,
                f"{name}, {stage}",
            )
            for iteration, stage in settings.stages.items()
        }
        for name in COMPARED
    }


def reconstructions(pieces, settings, problem, index):
    """The estimates of one image by name, each (1, 1, H, W)."""
    observation = problem.observe(index)
    y, physics = observation.y, observation.physics

    def baselines():
        with torch.no_grad():
            tv = relative_weight(total_variation, TV_WEIGHT)(y, physics)
            return {"A^+ y": STARTS["pseudoinverse"](physics, y), "TV": tv}

    image = observation.name
    found = pieces(
        f"{image}-EDIP",
        fit,
        METHODS["EDIP"],
        problem,
        index,
        settings.gallery_iterations,
        f"{image}, EDIP",
    )
    return pieces(f"{image}-baselines", baselines) | {
        "pretrained alone": found["first"],
        "EDIP": found["last"],
    }


def out_of_distribution(pieces, settings):
    """For each image, the pictures by name and their scores."""
    problem = gallery_problem()
    rows = {}
    for index, name in enumerate(problem.images.names):
        x, observation = problem.truth(index), problem.observe(index)
        found = reconstructions(pieces, settings, problem, index)
        with torch.no_grad():
            rows[name] = {
                "truth": x,
                "pictures": found,
                "psnr": {k: Case(v, x, observation).psnr() for k, v in found.items()},
                "misfit": {k: misfit(v, observation) for k, v in found.items()},
                "null space": {
                    k: unseen_error(v, x, observation) for k, v in found.items()
                },
            }
    return rows


def main(arguments):
    parser = study_parser("pretraining", __doc__)
    parser.add_argument("--folder", type=Path, default=Path("study_runs/pretraining"))
    for name, value in asdict(Settings()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    chosen = vars(parser.parse_args(arguments))
    folder = chosen.pop("folder")
    settings = Settings(**chosen)
    weights = [checksum(name) for name in WEIGHTS]
    methods = {name: asdict(method) for name, method in METHODS.items()}
    pieces = Pieces(folder, asdict(settings), methods, str(TASK), weights)
    fits = compare(pieces, settings)
    values = spectra(pieces, settings, fits)
    gallery = out_of_distribution(pieces, settings)
    path = folder / "pretraining.html"
    print(report(path, fits, summarise(fits), values, gallery))
    print(f"\nThe page: {path}")
