from benchmark_inverse_problems import FinetunedSolver, finetuning
from benchmark_inverse_problems.networks.unrolled import Unrolled, weights_name
from benchmark_inverse_problems.networks.weights import load_weights


class Solver(FinetunedSolver):
    """The tied unrolled network, fitted to the measurements alone.

    D. Chen, J. Tachella, M. Davies, "Robust Equivariant Imaging: a Fully Unsupervised
    Framework for Learning to Image from Noisy and Partial Measurements", CVPR 2022. It is
    fitted as `ram_finetuned` is.
    """

    name = "unrolled_finetuned"
    parameters = finetuning()
    test_config = {"steps": 2}

    def load(self):
        return load_weights(Unrolled("hqs", True), weights_name("hqs", True))
