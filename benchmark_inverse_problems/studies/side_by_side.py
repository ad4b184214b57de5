"""Is a method of the suite faster than what a user would take instead?

Each row runs a method of another library and ours by turns in one process, on one image of
256x256 pixels. Networks have the same weights: those of the authors' size are random, which
changes no time. The seconds are medians, and `faster` is the median of the ratios.
Iterative methods have the same number of iterations. Total variation and wavelets are
solved: the other library takes the least number of iterations that comes as near to the
minimum of its objective as ours comes to the minimum of ours. Each wavelet method has the
weight that is best on the tuning images, as both have another norm: deepinv's depends on
where the image lies.

`difference` is the largest one between both results in float32, divided by the image's
range, where both compute the same. PSNR stands where the weights are trained.
"""

from dataclasses import dataclass
from functools import partial
from itertools import count

import deepinv as dinv
import pandas as pd
import torch
from skimage.restoration import denoise_tv_chambolle
from tqdm import tqdm

from ..judge.case import Case
from ..methods.diffusion import diffpir
from ..methods.dpir import dpir
from ..methods.fitting import architecture, from_noise
from ..methods.pnp import pnp_pgd
from ..methods.total_variation import objective, total_variation, variation
from ..methods.wavelet import wavelet, wavelets
from ..networks.drunet import MultiHeadDRUNet
from ..networks.precision import InBfloat16, in_fast_layout
from ..networks.ram import PublishedRAM
from ..networks.skip_network import SIZES, SkipNetwork
from ..networks.weights import load_weights
from ..physics.facts import unit_scale
from ..problems.images import gray, open_images
from ..problems.problem import Problem, Task
from ..report.tables import formatted
from ..solving import settings
from ..support.iterates import last
from . import study_parser
from .by_turns import compared

WEIGHTS = ("drunet",)
PAIRS, SIDE = 5, 256
BLUR = Task("gaussian_blur", {"std": 2.0}, sigma=0.05)
NOISE = Task("denoising", sigma=0.1)
STEPS = {"diffpir": 20, "pnp_pgd": 10, "dip": 20}
LEVEL, DATA_WEIGHT = 0.05, 7.0
TV_WEIGHT = 0.05
# The best ones of powers of two times 0.0025, on three tuning images.
WAVELET_WEIGHT, THEIR_WAVELET_WEIGHT = 0.02, 0.16
# Relative distance to the minimum where ours is nearer, and iterations that find a minimum.
NEAR, MOST, OUR_MOST = 1e-6, 512, 2000
# Inner iterations of deepinv's prior: its default of 1000 would take much longer.
INNER = 20
COLUMNS = {
    "theirs": "theirs [s]",
    "ours": "ours [s]",
    "faster": "faster",
    "bfloat16": "faster in bfloat16",
    "difference": "difference",
    "their_psnr": "PSNR, theirs",
    "our_psnr": "PSNR, ours",
}


@dataclass(frozen=True)
class Pair:
    """A method of another library, and ours.

    Attributes
    ----------
    task : Task
    theirs, ours : callable () -> reconstruct(y, physics)
        Ours takes the precision of its network, if it has one.
    same : bool
        Whether both compute the same.
    trained : bool
        Whether the weights are trained, so that the PSNR means something.
    precisions : tuple of str
        Those of ours.
    """

    task: Task
    theirs: callable
    ours: callable
    same: bool = False
    trained: bool = True
    precisions: tuple = settings.PRECISIONS


def placed(network, precision="float32"):
    """A network as solvers place it: on the device, in the fast layout, frozen."""
    network = in_fast_layout(network.eval().requires_grad_(False))
    network = InBfloat16(network) if precision == "bfloat16" else network
    return network.to(settings.device())


def random_network(build):
    """A network with the same random weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build()


def authors_ram():
    """deepinv's RAM."""
    return random_network(lambda: dinv.models.RAM(pretrained=False)).eval()


def our_ram(precision):
    """The same network as ours."""
    network = PublishedRAM()
    network.start_from_checkpoint(authors_ram().state_dict())
    return placed(network, precision)


def authors_drunet():
    """deepinv's DRUNet for colour images."""
    return random_network(lambda: dinv.models.DRUNet(pretrained=None)).eval()


def bundled_drunet():
    """Our denoiser."""
    return load_weights(MultiHeadDRUNet(), "drunet").eval()


def on_device(network):
    """A module as a user of deepinv places it."""
    return network.to(settings.device()).requires_grad_(False)


def their_dpir(denoiser):
    """deepinv's DPIR on some denoiser."""
    device = settings.device()
    return dinv.optim.DPIR(BLUR.sigma, on_device(denoiser()), device)


def our_dpir(denoiser, precision):
    """Our DPIR on the same denoiser."""
    return partial(dpir, denoiser=placed(denoiser(), precision))


def their_diffpir():
    """deepinv's DiffPIR on our denoiser."""
    denoiser = on_device(bundled_drunet())
    return dinv.sampling.DiffPIR(
        lambda x, level: denoiser(x, float(level)),
        dinv.optim.data_fidelity.L2(),
        sigma=BLUR.sigma,
        max_iter=STEPS["diffpir"],
        lambda_=DATA_WEIGHT,
        zeta=1.0,
        device=settings.device(),
    )


def our_diffpir(precision):
    """Our DiffPIR, the authors' variant."""
    denoiser = placed(bundled_drunet(), precision)
    options = {"lambda_": DATA_WEIGHT, "zeta": 1.0, "steps": STEPS["diffpir"]}
    return ending(partial(diffpir, denoiser=denoiser, **options))


def their_pgd():
    """deepinv's proximal gradient descent with our denoiser, from A^T y."""
    prior = dinv.optim.PnP(on_device(bundled_drunet()))

    def reconstruct(y, physics):
        return dinv.optim.PGD(
            data_fidelity=dinv.optim.L2(),
            prior=prior,
            stepsize=unit_scale(physics),
            sigma_denoiser=LEVEL,
            max_iter=STEPS["pnp_pgd"],
        )(y, physics)

    return reconstruct


def our_pgd(precision):
    """Our proximal gradient descent."""
    denoiser = placed(bundled_drunet(), precision)
    options = {"level": LEVEL, "iterations": STEPS["pnp_pgd"]}
    return ending(partial(pnp_pgd, denoiser=denoiser, **options))


def ending(method):
    """A method that yields several estimates, as one that returns the last."""
    return lambda y, physics: last(method(y, physics))


def dip_network(shape):
    """The compact network of `dip` for images of a shape, with random weights."""
    build = architecture(SkipNetwork, SIZES, "compact")
    return random_network(lambda: build(shape))


def their_dip():
    """deepinv's deep image prior with our network."""

    def reconstruct(y, physics):
        network = dip_network(y.shape[1:]).to(y.device)
        size = network.input_shape[1:]
        prior = dinv.models.DeepImagePrior(network, size, iterations=STEPS["dip"])
        return prior(y, physics)

    return reconstruct


def our_dip(precision):
    """Our deep image prior, without a rule that stops it."""
    return ending(
        partial(
            from_noise,
            network=dip_network,
            iterations=STEPS["dip"],
            stopping="none",
            bfloat16=precision == "bfloat16",
        )
    )


def minimised(run, value):
    """The fewest iterations that bring an objective near its minimum.

    Parameters
    ----------
    run : callable (iterations) -> reconstruct(y, physics)
    value : callable (x, y, physics) -> float
        The objective.

    Returns
    -------
    callable () -> callable (y, physics, near) -> reconstruct
        `near` is the relative distance to the minimum.
    """

    def find(y, physics, near):
        def reached(iterations):
            return value(run(iterations)(y, physics), y, physics)

        # The last value need not be the least: a prior's proximal operator may be none.
        least = min(reached(n) for n in doubled(MOST))
        for k in count():
            iterations = min(round(4 * 1.25**k), MOST)
            if iterations == MOST or reached(iterations) <= least * (1 + near):
                return run(iterations)

    return find


def doubled(most):
    """4, 8, 16 ... up to `most`."""
    return [4 * 2**k for k in range(most.bit_length()) if 4 * 2**k <= most]


def least_squares(norm, weight):
    """The objective 1/2 ||A x - y||^2 + weight norm(x)."""

    def value(x, y, physics):
        return float((physics.A(x) - y).square().sum() / 2 + weight * norm(x).sum())

    return value


def by_fista(prior, weight):
    """deepinv's FISTA with a prior of its own."""

    def run(iterations):
        def reconstruct(y, physics):
            return dinv.optim.FISTA(
                data_fidelity=dinv.optim.L2(),
                prior=prior(),
                lambda_reg=weight,
                stepsize=unit_scale(physics),
                max_iter=iterations,
            )(y, physics)

        return reconstruct

    return minimised(run, least_squares(prior().fn, weight))


def by_tv_denoiser(y, physics, near):
    """deepinv's denoiser of total variation."""

    def run(iterations):
        return lambda y, physics: dinv.models.TVDenoiser(
            n_it_max=iterations, crit=0.0
        ).to(y.device)(y, ths=TV_WEIGHT)

    norm = dinv.optim.TVPrior().to(y.device).fn
    return minimised(run, least_squares(norm, TV_WEIGHT))(y, physics, near)


def by_chambolle(y, physics, near):
    """scikit-image's denoiser of total variation, on each channel."""

    def run(iterations):
        def reconstruct(y, physics):
            channels = [
                denoise_tv_chambolle(
                    part, weight=TV_WEIGHT, eps=0.0, max_num_iter=iterations
                )
                for part in y[0].cpu().numpy()
            ]
            return torch.stack([torch.from_numpy(c) for c in channels])[None].to(y)

        return reconstruct

    norm = dinv.optim.TVPrior().to(y.device).fn
    return minimised(run, least_squares(norm, TV_WEIGHT))(y, physics, near)


def tv_prior():
    """deepinv's prior of total variation."""
    return dinv.optim.TVPrior(n_it_max=INNER).to(settings.device())


def wavelet_prior():
    """deepinv's prior of wavelets, with our filter and number of levels."""
    return dinv.optim.WaveletPrior(level=4, wv="db2", device=settings.device())


def solved(method, analysis, weight):
    """Our solution of a problem with a norm, and its relative distance to the minimum.

    Returns
    -------
    reconstruct : callable (y, physics) -> x_hat
    near : callable (y, physics) -> float
    """
    reconstruct = partial(method, weight=weight)

    def near(y, physics):
        exact = partial(reconstruct, tolerance=0.0, max_iter=OUR_MOST)
        found, least = (
            objective(x(y, physics), y, physics, analysis, weight)
            for x in (reconstruct, exact)
        )
        return max(found / least - 1, NEAR)

    return reconstruct, near


# Of networks: the same number of iterations.
PAIRS_OF_NETWORKS = {
    "RAM of the authors' size, deepinv": Pair(
        BLUR, lambda: on_device(authors_ram()), our_ram, same=True, trained=False
    ),
    "DPIR, DRUNet of the authors' size, deepinv": Pair(
        BLUR,
        partial(their_dpir, authors_drunet),
        partial(our_dpir, authors_drunet),
        trained=False,
    ),
    "DPIR, bundled denoiser, deepinv": Pair(
        BLUR, partial(their_dpir, bundled_drunet), partial(our_dpir, bundled_drunet)
    ),
    "DiffPIR, deepinv": Pair(BLUR, their_diffpir, our_diffpir),
    "PnP-PGD, deepinv": Pair(BLUR, their_pgd, our_pgd),
    "deep image prior, deepinv": Pair(BLUR, their_dip, our_dip, trained=False),
}
TV = partial(solved, total_variation, variation(2), TV_WEIGHT)
WAVELET = partial(solved, wavelet, wavelets(2), WAVELET_WEIGHT)
# Of objectives: (task, theirs, ours).
SOLVED = {
    "total variation, deepinv's denoiser": (NOISE, by_tv_denoiser, TV),
    "total variation, scikit-image": (NOISE, by_chambolle, TV),
    "total variation, deepinv's FISTA": (BLUR, by_fista(tv_prior, TV_WEIGHT), TV),
    "wavelets, deepinv's FISTA": (
        BLUR,
        by_fista(wavelet_prior, THEIR_WAVELET_WEIGHT),
        WAVELET,
    ),
}


def problem(task, in_gray, side):
    """One bundled picture, measured."""
    images = open_images("bundled").first(1)
    return Problem(gray(images) if in_gray else images, task, crop=side)


def row(task, methods, in_gray, side, pairs, same=False, trained=True):
    """One row of the table. The methods are theirs, ours, and ours in bfloat16."""
    measured = problem(task, in_gray, side)
    truth, observation = measured.judged(0)
    seen = observation.to(settings.device())
    calls = [lambda m=m: m(seen.y.clone(), seen.physics) for m in methods(seen)]
    results, seconds, ratios = compared(calls, settings.device(), pairs)
    theirs, ours, *_ = (x.detach().float().cpu() for x in results)
    found = {"theirs": seconds[0], "ours": seconds[1], "faster": ratios[1]}
    found["bfloat16"] = ratios[2] if len(ratios) > 2 else None
    if same:
        largest = (theirs - ours).abs().max() / (ours.max() - ours.min())
        found["difference"] = f"{float(largest):.0e}"
    if trained:
        for name, x in (("their_psnr", theirs), ("our_psnr", ours)):
            found[name] = Case(x, truth, observation).psnr()
    return found


def of_networks(pair):
    """The methods of a row of networks."""

    def methods(seen):
        return [pair.theirs(), *(pair.ours(p) for p in pair.precisions)]

    return methods


def of_objectives(theirs, ours):
    """The methods of a row of objectives."""

    def methods(seen):
        reconstruct, near = ours()
        distance = near(seen.y, seen.physics)
        return [theirs(seen.y, seen.physics, distance), reconstruct]

    return methods


def rows(side, pairs, only=None):
    """{row: {column: value}}; `only` is "networks", "objectives" or None."""
    found = {}
    networks = PAIRS_OF_NETWORKS if only != "objectives" else {}
    objectives = SOLVED if only != "networks" else {}
    total = len(networks) + len(objectives)
    with tqdm(total=total, desc="side by side") as bar:
        for name, pair in networks.items():
            options = {"same": pair.same, "trained": pair.trained}
            methods = of_networks(pair)
            found[name] = row(pair.task, methods, False, side, pairs, **options)
            bar.update()
        for name, (task, theirs, ours) in objectives.items():
            methods = of_objectives(theirs, ours)
            same = "total variation" in name
            found[name] = row(task, methods, True, side, pairs, same=same)
            bar.update()
    return found


def main(arguments):
    """Print the table."""
    parser = study_parser("side_by_side", __doc__)
    parser.add_argument(
        "--side", type=int, default=SIDE, help="of the image, in pixels"
    )
    parser.add_argument("--pairs", type=int, default=PAIRS, help="timed runs of each")
    parser.add_argument("--only", choices=("networks", "objectives"))
    chosen = parser.parse_args(arguments)
    with torch.no_grad():
        found = rows(chosen.side, chosen.pairs, chosen.only)
    frame = pd.DataFrame(found).T
    frame = frame.reindex(columns=COLUMNS).rename(columns=COLUMNS)
    print("\n" + formatted(frame, "markdown", 3, label="method, rival"))
