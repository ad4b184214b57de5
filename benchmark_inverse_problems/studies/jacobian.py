"""The leading singular values of a network's Jacobian, without forming it."""

import torch
from torch.func import functional_call, jvp, vjp, vmap

# Directions of one vectorised pass. More directions are faster and take more memory.
CHUNK = 8


def singular_values(
    network, z, rank, oversampling=10, powers=2, generator=None, progress=iter
):
    """Singular values of the derivative of f(z) with respect to the parameters of f.

    Randomised subspace iteration (N. Halko, P.-G. Martinsson, J. Tropp, "Finding
    Structure with Randomness", SIAM Review, 2011, algorithms 4.4 and 5.1) with
    products J v in forward and J^T u in reverse mode.

    Parameters
    ----------
    network : nn.Module
        f, in float32 or float64. Parameters that do not require a gradient count too.
    z : Tensor
        Input (1, C, H, W).
    rank : int
        Number of values. There are fewer if the Jacobian has fewer.
    oversampling : int
        Extra directions.
    powers : int
        Passes through J J^T after the first one. They sharpen slowly decaying spectra.
    generator : torch.Generator or None
        Draws the first directions.
    progress : callable
        Wraps the list of passes, for a progress bar.

    Returns
    -------
    Tensor
        The values, (rank,), descending.
    """
    parameters = {k: p.detach() for k, p in network.named_parameters()}
    sizes = [p.numel() for p in parameters.values()]

    def unflatten(v):
        parts = zip(parameters.items(), v.split(sizes), strict=True)
        return {k: part.view_as(p) for (k, p), part in parts}

    def output(values):
        return functional_call(network, values, (z,)).flatten()

    def forward(v):
        return jvp(output, (parameters,), (unflatten(v),))[1]

    image, pull = vjp(output, parameters)

    def backward(u):
        return torch.cat([g.flatten() for g in pull(u)[0].values()])

    count = min(rank + oversampling, image.numel(), sum(sizes))
    products = {"J": rows_of(forward), "J^T": rows_of(backward)}
    directions = torch.randn(
        count, sum(sizes), generator=generator, dtype=image.dtype, device=image.device
    )
    for name in progress(["J", "J^T"] * powers + ["J"]):
        directions = torch.linalg.qr(products[name](directions).T)[0].T
    # The singular values of J^T Q are those of Q Q^T J.
    return torch.linalg.svdvals(products["J^T"](directions))[:rank]


def rows_of(function):
    """A function of a vector, applied to the rows of a matrix."""
    return vmap(function, chunk_size=CHUNK)
