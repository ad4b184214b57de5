from benchmark_inverse_problems import ReconstructionSolver, precision
from benchmark_inverse_problems.networks.ram import RAM
from benchmark_inverse_problems.networks.weights import load_weights


class Solver(ReconstructionSolver):
    """Artifact removal: a network of A^T y that never sees the operator again.

    K. H. Jin et al., "Deep Convolutional Neural Network for Inverse Problems in
    Imaging", IEEE TIP 2017. The network is RAM's without its operator, trained on the
    same tasks. It is the first row of RAM's ablation (M. Terris et al., ICLR 2026).
    """

    name = "artifact_removal"
    parameters = {"precision": precision()}
    end_to_end = {}

    def build(self, example):
        return load_weights(RAM(variant="base"), "artifact_removal")
