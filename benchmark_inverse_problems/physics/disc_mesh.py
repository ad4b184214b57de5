"""Triangles that fill the unit disc, and electrodes on its edge."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class DiscMesh:
    """Rings of nodes: ring k has 6 k nodes and the radius k / rings.

    The mesh has 1 + 3 rings (rings + 1) nodes and 6 rings^2 triangles. The nodes of the last
    ring are the last ones, against the clock from (1, 0).

    Attributes
    ----------
    rings : int
    """

    rings: int

    @cached_property
    def nodes(self):
        """Points in the plane, (nodes, 2)."""
        radii = np.repeat(
            np.arange(self.rings + 1) / self.rings,
            [1, *(6 * k for k in range(1, self.rings + 1))],
        )
        turns = [
            np.arange(max(1, 6 * k)) / max(1, 6 * k) for k in range(self.rings + 1)
        ]
        angles = 2 * np.pi * np.concatenate(turns)
        return radii[:, None] * np.stack((np.cos(angles), np.sin(angles)), 1)

    @cached_property
    def triangles(self):
        """The nodes of each triangle, against the clock, (triangles, 3)."""
        return np.array([t for k in range(1, self.rings + 1) for t in ring(k)])

    @cached_property
    def areas(self):
        """Of the triangles, (triangles,)."""
        first, second = self.sides
        return (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2

    @property
    def sides(self):
        """Two sides of each triangle, from its first node, each (triangles, 2)."""
        a, b, c = (self.nodes[self.triangles[:, i]] for i in range(3))
        return b - a, c - a

    @cached_property
    def slopes(self):
        """Gradients of the three linear shape functions, (triangles, 3, 2)."""
        (ax, ay), (bx, by) = (side.T for side in self.sides)
        both = np.stack((np.stack((by, -bx), 1), np.stack((-ay, ax), 1)), 1)
        both = both / (2 * self.areas[:, None, None])
        return np.concatenate((-both.sum(1, keepdims=True), both), 1)

    def points(self, parts):
        """Centres of parts^2 equal triangles in each triangle, (triangles, parts^2, 2)."""
        up = [(i, j) for i in range(parts) for j in range(parts - i)]
        down = [(i, j) for i in range(parts - 1) for j in range(parts - 1 - i)]
        shares = np.array(
            [(i + 1 / 3, j + 1 / 3) for i, j in up]
            + [(i + 2 / 3, j + 2 / 3) for i, j in down]
        )
        sides = np.stack(self.sides, 1)
        return self.nodes[self.triangles[:, :1]] + (shares / parts) @ sides

    def electrodes(self, count, cover):
        """Integrals over electrodes: of shape functions, and of their products.

        Electrode l is an arc that starts at the angle 2 pi l / count. It may end within an
        edge of the mesh.

        Parameters
        ----------
        count : int
        cover : float
            Share of the edge of the disc that electrodes cover, from 0 to 1.

        Returns
        -------
        single : array (nodes, count)
            The integral of each shape function over each electrode.
        double : array (nodes, nodes)
            The integrals of products of two shape functions over all electrodes.
        """
        edges = 6 * self.rings
        length = 2 * np.sin(np.pi / edges)
        single = np.zeros((len(self.nodes), count))
        double = np.zeros((len(self.nodes),) * 2)
        for electrode in range(count):
            start = edges * electrode / count
            end = start + cover * edges / count
            for edge in range(int(np.floor(start)), int(np.ceil(end))):
                a, b = max(start, edge) - edge, min(end, edge + 1) - edge
                i, j = (len(self.nodes) - edges + n % edges for n in (edge, edge + 1))
                right = (b**2 - a**2) / 2
                single[[i, j], electrode] += length * np.array([b - a - right, right])
                square = (b**3 - a**3) / 3
                double[i, i] += length * (b - a - 2 * right + square)
                double[j, j] += length * square
                double[i, j] += length * (right - square)
                double[j, i] += length * (right - square)
        return single, double


def ring(k):
    """The triangles between the rings k - 1 and k of a `DiscMesh`."""
    inner, outer = 1 + 3 * (k - 1) * (k - 2), 1 + 3 * k * (k - 1)
    if k == 1:
        inner = 0

    def inside(n):
        return inner + n % max(1, 6 * (k - 1))

    def outside(n):
        return outer + n % (6 * k)

    for sixth in range(6):
        for n in range(k):
            far, near = sixth * k + n, sixth * (k - 1) + n
            yield inside(near), outside(far), outside(far + 1)
            if n < k - 1:
                yield inside(near), outside(far + 1), inside(near + 1)
