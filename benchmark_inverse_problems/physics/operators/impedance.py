"""Electrical impedance tomography: currents through electrodes, and their voltages."""

import math
from functools import lru_cache

import numpy as np
import torch
from deepinv.physics import Physics
from torch.nn.functional import grid_sample

from ..catalogue import operator
from ..derivatives import from_matrix, jacobian
from ..disc_mesh import DiscMesh
from ..facts import (
    aligned,
    background,
    displayed,
    family,
    image_shape,
    in_image_space,
    is_differentiable,
    loudness,
    stretched,
)

# Of the simulated tank: share of its edge under electrodes, and their contact impedance in
# units of the radius over the conductivity of the background.
COVER, CONTACT = 0.5, 0.05
# Of the mesh whose Jacobian gives the unit of the measurements.
UNIT_RINGS = 12
# A triangle has the mean over the centres of so many parts along each side.
PARTS = 3
# The image of the background.
BACKGROUND = 0.5


def trigonometric(electrodes):
    """Currents and voltages of `electrodes - 1` waves around the tank.

    D. Isaacson, "Distinguishability of Conductivities by Electric Current Computed
    Tomography", IEEE Transactions on Medical Imaging, 1986. Waves have norm one, and all
    electrodes measure.

    Returns
    -------
    currents : array (electrodes, patterns)
    voltages : array (electrodes, measurements)
        Weights of the electrodes in each measurement, of sum zero.
    """
    angles = 2 * np.pi * np.arange(electrodes) / electrodes
    waves = [np.cos(k * angles) for k in range(1, electrodes // 2 + 1)]
    waves += [np.sin(k * angles) for k in range(1, (electrodes + 1) // 2)]
    currents = np.stack(waves, 1)
    return currents / np.linalg.norm(currents, axis=0), mean_free(electrodes)


def adjacent(electrodes):
    """Currents and voltages between each electrode and the next one, as `trigonometric`."""
    pairs = np.eye(electrodes) - np.roll(np.eye(electrodes), 1, axis=0)
    return pairs, pairs


def mean_free(electrodes):
    """The voltage of each electrode less the mean of all, as weights."""
    return np.eye(electrodes) - 1 / electrodes


PATTERNS = {"trigonometric": trigonometric, "adjacent": adjacent}


def electrode_terms(mesh, electrodes, cover, contact):
    """The part of the system's matrix that does not depend on the conductivity.

    Its rows are those of the nodes, then those of the electrodes.
    """
    single, double = mesh.electrodes(electrodes, cover)
    # The model fixes voltages up to a constant: with the last term their sum is zero.
    own = np.diag(single.sum(0)) / contact + 1 / electrodes
    return np.block([[double / contact, -single / contact], [-single.T / contact, own]])


class Impedance(Physics):
    """The complete electrode model of a round tank, by linear finite elements.

    E. Somersalo, M. Cheney, D. Isaacson, "Existence and Uniqueness for Electrode Models for
    Electric Current Computed Tomography", SIAM J. Appl. Math. 1992. The potential u and the
    voltages U_l of the electrodes E_l, with contact impedances z, solve for all v and V

        int s grad u . grad v + sum_l 1/z int_{E_l} (u - U_l) (v - V_l) = sum_l I_l V_l

    where I_l are the currents. The image x in [0, 1] is the conductivity s on a logarithmic
    scale: s = contrast^(2 x - 1), so 0.5 is the background of conductivity 1. The disc
    touches the sides of the image. Measurements are differences to the same tank without an
    object, (1, 1, currents, voltages), so A of the background is zero. This is the usual
    calibration: most of the error of a mesh is in the voltages of the empty tank.

    Parameters
    ----------
    side : int
        Of the image, in pixels.
    currents, voltages : array
        See `trigonometric`.
    contrast : float
        Largest conductivity; the least one is its inverse.
    rings : int
        Of the mesh.
    scale : float
        Measurements for a voltage of one.
    cover, contact : float
        Share of the edge of the disc under electrodes, and their contact impedance.
    """

    def __init__(
        self,
        side,
        currents,
        voltages,
        contrast,
        rings,
        scale=1.0,
        cover=COVER,
        contact=CONTACT,
    ):
        super().__init__()
        self.side, self.scale, self.steep = side, scale, 2 * math.log(contrast)
        mesh = DiscMesh(rings)
        self.size = len(mesh.nodes) + len(currents)
        fixed = electrode_terms(mesh, len(currents), cover, contact)
        filled = np.flatnonzero(
            fixed
        )  # a problem keeps no operator with a dense matrix
        corners, slopes, areas = mesh.triangles, mesh.slopes, mesh.areas
        place = corners[:, :, None] * self.size + corners[:, None, :]
        held = {
            "corners": corners,
            "slopes": slopes,
            "areas": areas,
            "points": mesh.points(PARTS) * [1, -1],  # rows of an image go downwards
            "stiffness": np.einsum("tid,tjd,t->tij", slopes, slopes, areas),
            "fixed": fixed.flat[filled],
            "place": np.concatenate((place.flatten(), filled)),
            "currents": currents,
            "voltages": voltages,
        }
        for name, array in held.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)))
        triangles = torch.ones(1, len(corners), dtype=torch.float64)
        self.register_buffer("seen", self.to_pixels(triangles) > 0)
        self.register_buffer("empty", self.measured(torch.zeros_like(triangles)))

    def to_triangles(self, x):
        """Means of images (B, 1, H, W) over the triangles, (B, triangles)."""
        points = self.points.expand(len(x), *self.points.shape)
        found = grid_sample(x, points, padding_mode="border", align_corners=False)
        return found[:, 0].mean(-1)

    def to_pixels(self, values):
        """The adjoint of `to_triangles`, (B, 1, H, W)."""
        with torch.enable_grad():
            x = values.new_zeros(len(values), 1, self.side, self.side)
            x.requires_grad_()
            (found,) = torch.autograd.grad(self.to_triangles(x), x, values)
        return found

    def logarithm(self, x):
        """The logarithm of the conductivity of triangles, (B, triangles)."""
        return self.steep * self.to_triangles(x.double() - BACKGROUND)

    def solve(self, logarithm, right):
        """Potentials and voltages (B, nodes + electrodes, N) for currents into electrodes.

        Parameters
        ----------
        logarithm : tensor (B, triangles)
        right : tensor (electrodes, N)
        """
        parts = logarithm.exp()[:, :, None, None] * self.stiffness
        fixed = self.fixed.expand(len(parts), -1)
        matrix = parts.new_zeros(len(parts), self.size**2)
        matrix = matrix.index_add(
            1, self.place, torch.cat((parts.flatten(1), fixed), 1)
        )
        matrix = matrix.view(-1, self.size, self.size)
        nothing = right.new_zeros(self.size - len(right), right.shape[1])
        return torch.linalg.solve(matrix, torch.cat((nothing, right)))

    def measured(self, logarithm):
        """Voltages (B, currents, voltages), the empty tank's not subtracted."""
        found = self.solve(logarithm, self.currents)[:, -len(self.currents) :]
        return (self.voltages.T @ found).mT

    def A(self, x, **_):
        y = self.measured(self.logarithm(x)) - self.empty
        return (self.scale * y)[:, None].to(x.dtype)

    def jacobian(self, x):
        """The Jacobian at x, a matrix (currents voltages, pixels) in float64.

        A change of the conductivity of a triangle changes a voltage by minus the integral
        over it of grad u . grad w, where w is the potential of the weights of the voltage as
        currents.
        """
        logarithm = self.logarithm(x)
        right = torch.cat((self.currents, self.voltages), 1)
        potentials = self.solve(logarithm, right)[0][self.corners]  # (T, 3, P + M)
        fields = torch.einsum("tic,tid->ctd", potentials, self.slopes)
        u, w = fields.split((self.currents.shape[1], self.voltages.shape[1]))
        change = -self.areas * self.steep * logarithm[0].exp()
        products = torch.einsum("ptd,mtd,t->pmt", u, w, change)
        return self.scale * self.to_pixels(products.flatten(0, 1)).flatten(1)


def inverse_norm(physics):
    """The inverse of the norm of the Jacobian at the background."""
    x = torch.full((1, 1, physics.side, physics.side), BACKGROUND)
    return 1 / float(torch.linalg.matrix_norm(physics.jacobian(x), 2))


@lru_cache(64)
def unit(side, electrodes, patterns, contrast):
    """The scale that makes the norm of the Jacobian one, from one mesh for all."""
    currents = PATTERNS[patterns](electrodes)
    return inverse_norm(Impedance(side, *currents, contrast, UNIT_RINGS))


family.register(Impedance, lambda physics: "impedance")
in_image_space.register(Impedance, lambda physics: False)
is_differentiable.register(Impedance, lambda physics: True)
image_shape.register(Impedance, lambda physics, y: (1, 1, physics.side, physics.side))
background.register(Impedance, lambda physics: BACKGROUND)
displayed.register(Impedance, lambda physics, y: stretched(y))


@loudness.register(Impedance)
def _(physics, clean):
    """Noise is relative to the mean of the voltages of the empty tank."""
    return physics.scale * float(physics.empty.abs().mean())


@aligned.register(Impedance)
def _(physics, x_hat, x):
    """Pixels outside the disc are not measured. A truth of NaN is not known."""
    return torch.where(physics.seen.to(x.device) | x.isnan(), x_hat, x)


@jacobian.register(Impedance)
def _(physics, x):
    y = x.new_zeros(1, 1, physics.currents.shape[1], physics.voltages.shape[1])
    return from_matrix(physics.jacobian(x), x, y)


@operator((1, 16, 16), electrodes=8, contrast=2.0, rings=6)
def impedance(shape, rng, electrodes, contrast=3.0, rings=12, patterns="trigonometric"):
    """Voltages on the edge of a disc, for currents through its electrodes.

    Raises
    ------
    ValueError
        If the image is not gray and square, or there are fewer than four electrodes.
    """
    if shape[0] != 1 or shape[1] != shape[2]:
        sides = "x".join(map(str, shape[1:]))
        raise ValueError(
            "Impedance tomography needs gray square images and got "
            f"{shape[0]} channels of {sides}."
        )
    if electrodes < 4:
        raise ValueError(
            f"Impedance tomography needs at least 4 electrodes and got {electrodes}."
        )
    scale = unit(shape[1], electrodes, patterns, contrast)
    return Impedance(shape[1], *PATTERNS[patterns](electrodes), contrast, rings, scale)
