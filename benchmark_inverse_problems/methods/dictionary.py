"""Dictionaries that are learned from incomplete measurements, and sparse codes."""

import math

import torch
from torch.nn.functional import conv2d, pad, softshrink

from ..support.checks import check_known
from .total_variation import squared_norm

SIDE = 8  # pixels of an atom
STARTS = ("dct", "random")
# Steps that learn the atoms, iterations of the codes between two of them and at the end,
# and the learning rate.
STEPS, INNER, FINAL, LR = 60, 5, 100, 0.02


def fista(gradient, step, weight, z, iterations):
    """`argmin_z f(z) + weight * ||z||_1` from z, by FISTA.

    A. Beck, M. Teboulle, "A Fast Iterative Shrinkage-Thresholding Algorithm for Linear
    Inverse Problems", SIAM Journal on Imaging Sciences, 2009.

    Parameters
    ----------
    gradient : callable (z) -> tensor
        The gradient of f.
    step : float
        At most one over the Lipschitz constant of the gradient.
    weight : float
    z : tensor
    iterations : int

    Returns
    -------
    tensor
    """
    ahead, momentum = z, 1.0
    for _ in range(iterations):
        new = softshrink(ahead - step * gradient(ahead), step * weight)
        grown = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = new + (momentum - 1) / grown * (new - z)
        z, momentum = new, grown
    return z


def descend(loss, start, normalised, steps, lr):
    """Atoms of a small loss, by Adam; the learning rate falls to zero as a cosine.

    Parameters
    ----------
    loss : callable (atoms) -> scalar
    start : tensor
    normalised : callable (atoms) -> atoms
        Is applied after each step.
    steps : int
    lr : float

    Returns
    -------
    tensor
    """
    atoms = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([atoms], lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        with torch.enable_grad():
            value = loss(atoms)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            atoms.copy_(normalised(atoms))
    return atoms.detach()


def unit(dictionary):
    """The dictionary with columns of length one."""
    return dictionary / dictionary.norm(dim=0)


def sparse_codes(matrices, y, weight, z, iterations):
    """`argmin_z 1/2 ||M z - y||^2 + weight * ||z||_1` for each signal.

    Parameters
    ----------
    matrices : tensor (K, m, p)
    y : tensor (K, m, N)
        N signals for each matrix.
    weight : float
    z : tensor (K, p, N)
        The start.
    iterations : int

    Returns
    -------
    tensor (K, p, N)
    """
    step = 1 / float(torch.linalg.matrix_norm(matrices, 2).max()) ** 2

    def gradient(z):
        return matrices.mT @ (matrices @ z - y)

    return fista(gradient, step, weight, z, iterations)


def learn_dictionary(operators, y, start, weight, steps, inner=5, lr=0.05):
    """A dictionary for signals of which only A_k x is known, without any x.

    It minimises `1/2 ||A_k D z - y||^2 + weight * ||z||_1` over the codes z and over D
    with columns of length one: `inner` iterations of FISTA, then a step of Adam, in turn.
    The learning rate falls to zero as a cosine.

    Parameters
    ----------
    operators : tensor (K, m, n)
    y : tensor (K, m, N)
    start : tensor (n, p)
        Dictionary to start at.
    weight : float
    steps, inner : int
    lr : float

    Returns
    -------
    tensor (n, p)
    """
    z = torch.zeros(len(y), start.shape[1], y.shape[2])

    def loss(dictionary):
        nonlocal z
        with torch.no_grad():
            z = sparse_codes(operators @ dictionary, y, weight, z, inner)
        misfit = operators @ (dictionary @ z) - y
        return misfit.square().sum() / (2 * y.shape[0] * y.shape[2])

    return descend(loss, unit(start), unit, steps, lr)


def dct_atoms(count, side=SIDE):
    """The `count` lowest products of cosines, (count, 1, side, side).

    Raises
    ------
    ValueError
        If there are not so many.
    """
    if not 1 <= count <= side**2:
        raise ValueError(f"atoms={count} is not possible: use 1 to {side**2}.")
    k = torch.arange(side, dtype=torch.float64)
    basis = torch.cos(math.pi / side * (k + 0.5) * k[:, None])
    order = sorted(
        ((i, j) for i in range(side) for j in range(side)), key=lambda p: (sum(p), p)
    )
    atoms = [basis[i][:, None] * basis[j] for i, j in order[:count]]
    return unit_atoms(torch.stack(atoms)[:, None].float())


def random_atoms(count, side=SIDE):
    """White atoms (count, 1, side, side), always the same."""
    generator = torch.Generator().manual_seed(0)
    return unit_atoms(torch.randn(count, 1, side, side, generator=generator))


def unit_atoms(atoms):
    """Atoms of length one."""
    return atoms / atoms.flatten(1).norm(dim=1)[:, None, None, None]


def synthesise(atoms, z):
    """The image sum_k d_k * z_k (1, C, H, W), circular, of codes (C, K, H, W)."""
    side = atoms.shape[-1]
    z = pad(z, (side - 1, 0, side - 1, 0), mode="circular")
    return conv2d(z, atoms.flip(-1, -2).transpose(0, 1)).transpose(0, 1)


def analyse(atoms, x):
    """The adjoint of `synthesise`."""
    side = atoms.shape[-1]
    x = pad(x.transpose(0, 1), (0, side - 1, 0, side - 1), mode="circular")
    return conv2d(x, atoms)


class ConvolutionalDictionary:
    """An image as a flat one plus the sum of atoms * sparse codes, from a measurement.

    Each channel has its own flat value and codes, and all have the same atoms.

    Parameters
    ----------
    y : tensor
        Measurements of one image.
    physics : deepinv.physics.LinearPhysics
    weight : float
        Of the l1 norm of the codes.
    """

    def __init__(self, y, physics, weight):
        self.physics, self.weight = physics, weight
        like = physics.A_adjoint(y)
        if min(like.shape[2:]) < SIDE:
            raise ValueError(
                f"The image has {like.shape[2]}x{like.shape[3]} pixels: the atoms need "
                f"at least {SIDE}x{SIDE}."
            )
        self.flat = self.closest_flat(y, like)
        self.y = y - physics.A(self.flat)
        self.norm = 1.05 * squared_norm(physics, like)  # it is found from below
        self.z = None

    def closest_flat(self, y, like):
        """The image of one value a channel that explains y best."""
        images = []
        for channel in range(like.shape[1]):
            image = torch.zeros_like(like)
            image[:, channel] = 1
            images.append(image)
        seen = torch.stack([self.physics.A(x).flatten() for x in images], 1)
        values = torch.linalg.lstsq(seen, y.reshape(-1, 1)).solution.flatten()
        return sum(v * x for v, x in zip(values, images, strict=True))

    def encode(self, atoms, iterations):
        """Improve the codes for some atoms."""
        if self.z is None:
            self.z = torch.zeros_like(analyse(atoms, self.flat))
        spectrum = torch.fft.fft2(atoms, s=self.flat.shape[2:]).abs().square()
        step = 1 / (self.norm * float(spectrum.sum(0).max()))

        def gradient(z):
            misfit = self.physics.A(synthesise(atoms, z)) - self.y
            return analyse(atoms, self.physics.A_adjoint(misfit))

        self.z = fista(gradient, step, self.weight, self.z, iterations)

    def learn(self, atoms, steps=STEPS):
        """Atoms that explain the measurement with sparser codes, from given ones."""

        def loss(atoms):
            with torch.no_grad():
                self.encode(atoms, INNER)
            misfit = self.physics.A(synthesise(atoms, self.z)) - self.y
            return misfit.square().sum() / (2 * self.z.numel())

        return descend(loss, atoms, unit_atoms, steps, LR)

    def image(self, atoms, iterations=FINAL):
        """The image with codes for these atoms."""
        self.encode(atoms, iterations)
        return self.flat + synthesise(atoms, self.z)


def convolutional_dictionary(y, physics, weight, atoms=24, start="dct", steps=STEPS):
    """`argmin_x` with a convolutional dictionary that is learned on y itself.

    It minimises `1/2 ||A (c + sum_k d_k * z_k) - y||^2 + weight * ||z||_1` over the flat
    image c, the codes z and, with steps, the atoms d of length one.

    Parameters
    ----------
    y : tensor
        Measurements of an image (1, C, H, W) with values about [0, 1].
    physics : deepinv.physics.LinearPhysics
    weight : float
    atoms : int
    start : {"dct", "random"}
        Atoms to start at.
    steps : int
        Steps of learning; 0 keeps the atoms.

    Returns
    -------
    tensor (1, C, H, W)

    Raises
    ------
    ValueError
        If the image is smaller than an atom, or atoms or start are not possible.
    """
    check_known("start", start, STARTS)
    found = (dct_atoms if start == "dct" else random_atoms)(atoms).to(y.device)
    dictionary = ConvolutionalDictionary(y, physics, weight)
    if steps:
        found = dictionary.learn(found, steps)
    return dictionary.image(found)
