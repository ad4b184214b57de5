from functools import partial

from benchmark_inverse_problems import IterativeSolver, iterations
from benchmark_inverse_problems.methods.positive import richardson_lucy


class Solver(IterativeSolver):
    """Richardson and Lucy's iterations, stopped when the residual is the noise.

    W. Richardson, "Bayesian-Based Iterative Method of Image Restoration", J. Opt. Soc.
    Am. 1972; L. Lucy, "An Iterative Technique for the Rectification of Observed
    Distributions", Astronomical Journal 1974. They are for Poisson noise and operators
    without negative weights that mix pixels, which blurs and tomography are. With Gaussian
    noise negative measurements count as zero.
    """

    name = "rl"
    needs = {"linear", "known operator", "sums of pixels", "real"}
    parameters = {"iterations": iterations(300)}
    test_config = {"iterations": 20, "dataset": {"name": "cbsd68_deblur_gaussian"}}

    def build(self, example, **settings):
        return partial(richardson_lucy, **settings)
