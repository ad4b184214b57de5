"""Down-sampling as two small matrices, one a side."""

from functools import cached_property
from weakref import WeakKeyDictionary

import torch

# {operator: {shape: its separable form}}.
FORMS = WeakKeyDictionary()


class Separable:
    """The operator A x = rows x columns^T on every channel of an image.

    Parameters
    ----------
    rows, columns : tensor (H/f, H) and (W/f, W)
    """

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns

    def forward(self, x):
        rows, columns = self.rows.to(x), self.columns.to(x)
        return rows @ (x @ columns.T)

    def adjoint(self, y):
        rows, columns = self.rows.to(y), self.columns.to(y)
        return rows.T @ (y @ columns)

    @cached_property
    def eigen(self):
        """Eigenvalues (H/f, W/f) of A^T A, and its eigenvectors' two factors, in float64.

        All other eigenvalues are zero.
        """
        parts = []
        for matrix in (self.rows, self.columns):
            values, vectors = torch.linalg.eigh((matrix.T @ matrix).double())
            parts.append((values[-len(matrix) :], vectors[:, -len(matrix) :]))
        (row_values, rows), (column_values, columns) = parts
        return row_values[:, None] * column_values, rows, columns

    def prox(self, z, y, gamma):
        """argmin over u of gamma |A u - y|^2 + |u - z|^2; gamma broadcasts to z.

        u is z but for the range of A^T.
        """
        values, rows, columns = (part.to(z) for part in self.eigen)
        inside = rows.T @ (z @ columns)
        seen = (self.rows.to(z) @ rows).T @ y @ (self.columns.to(z) @ columns)
        change = (seen - values * inside) / (values + 1 / gamma)
        return z + rows @ change @ columns.T


def separable(physics, shape):
    """The `Separable` form of down-sampling.

    Bicubic down-sampling has one with any padding. It is kept as long as the operator
    lives: an operator whose filter is changed must be a new object.

    Parameters
    ----------
    physics : deepinv.physics.Downsampling
    shape : tuple of int
        (..., H, W) of the image.

    Returns
    -------
    Separable or None
        None for filters that are no product, and for images that the factor does not
        divide.
    """
    forms = FORMS.setdefault(physics, {})
    if shape not in forms:
        forms[shape] = separated(physics, shape)
    return forms[shape]


@torch.inference_mode(False)  # a kept inference tensor could not be trained through
@torch.no_grad()
def separated(physics, shape):
    """The matrices, read off the operator: constant lines make it one-dimensional."""
    height, width = shape[-2:]
    factor = physics.factor
    if height % factor or width % factor:
        return None
    device = next((t.device for t in physics.buffers()), torch.device("cpu"))
    # All-ones in the other direction, wide enough for every padding.
    narrow = min(height, width, 8 * factor)
    narrow -= narrow % factor
    middle = narrow // factor // 2
    pair = []
    for size, transposed in ((height, False), (width, True)):
        probe = torch.eye(size, device=device)[:, None, :, None]
        probe = probe.expand(-1, 1, -1, narrow)
        image = physics.A(probe.mT.contiguous() if transposed else probe.contiguous())
        image = image.mT if transposed else image
        pair.append(image[:, 0, :, middle].T.contiguous())
    gain = physics.A(torch.ones(1, 1, narrow, narrow, device=device))
    found = Separable(pair[0], pair[1] / gain[0, 0, middle, middle])
    index = torch.arange(height * width, device=device)
    probe = torch.sin(index.square() / 7).view(1, 1, height, width)
    error = (physics.A(probe) - found.forward(probe)).abs().max()
    return found if error < 1e-4 else None
