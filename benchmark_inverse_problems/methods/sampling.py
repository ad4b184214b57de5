"""Several samples of a posterior as one estimate with a spread."""

import torch

from ..judge.reconstruction import Estimate


def combined(samples):
    """The mean of samples, with the error that they let expect; one sample as it is.

    If the truth is one more draw of the same law, its distance to the mean of K samples
    has (K + 1) / (K - 1) times the mean square of that of the samples.

    Parameters
    ----------
    samples : sequence of tensor (1, C, *spatial)

    Returns
    -------
    tensor or Estimate
    """
    if len(samples) == 1:
        return samples[0]
    stack = torch.stack(tuple(samples))
    mean = stack.mean(0)
    squares = (stack - mean).square() * (len(stack) + 1) / (len(stack) - 1)
    errors = squares.flatten(1).mean(1).tolist()
    return Estimate(mean, squares.mean(0).sqrt(), errors)


def repeated(sample, repetitions):
    """A sampler ``(y, physics) -> x_hat`` that draws several samples."""

    def reconstruct(y, physics):
        return combined([sample(y, physics) for _ in range(repetitions)])

    return reconstruct


def side_by_side(iterates, repetitions):
    """A sampler ``(y, physics) -> iterator of estimates`` that runs several chains."""

    def reconstruct(y, physics):
        chains = (iterates(y, physics) for _ in range(repetitions))
        yield from map(combined, zip(*chains, strict=True))

    return reconstruct
