"""A reconstruction as a row of the results."""

from .case import judge
from .reconstruction import check_reconstruction


def row(item, truth, observation):
    """One reconstruction as a row of the results.

    Parameters
    ----------
    item : Reconstruction
    truth : tensor (1, C, *spatial)
    observation : Observation

    Returns
    -------
    dict
        {column: value} without benchopt's prefix ``objective_``.

    Raises
    ------
    TypeError, ValueError
        As by `check_reconstruction`.
    """
    check_reconstruction(item.x_hat, observation.shape, item.spread)
    scores = judge(item, truth, observation)
    return scores | {
        "value": 10 ** (-scores["psnr"] / 10),
        "image": observation.name,
        "threads": item.threads,
        "device": item.device,
        "compiled": item.compiled,
        "trials": item.trials,
        "tuned": item.tuned,
        "outside": item.outside,
        "iterations": item.iterations,
    }
