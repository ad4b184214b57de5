"""The judge: one row of metrics an image.

What needs torch is imported where it is used: benchopt loads this file also to draw pages.
"""

from functools import partial

from benchopt import BaseObjective

from benchmark_inverse_problems.solving.failures import recorded
from benchmark_inverse_problems.solving.fingerprint import FingerprintMixin, versions
from benchmark_inverse_problems.support.progress import progress


class Objective(FingerprintMixin, BaseObjective):
    """Reconstruct x from y = A(x) + noise; judged by PSNR, SSIM, runtime and memory."""

    name = "imaging inverse problems"
    url = "https://github.com/deepinv/benchmark_inverse_problems"
    min_benchopt_version = "1.10"
    sampling_strategy = "run_once"
    test_dataset_name = "simulated"
    requirements = ["pip::torch", "pip::deepinv", "pip::scikit-image"]

    def _get_state(self):
        from benchmark_inverse_problems.judge import perceptual

        # benchopt keeps a run by its objective and its solver, not by its data.
        data = None if self._dataset is None else self._dataset._get_state()
        extra = {"data": data, "perceptual": perceptual.state()}
        return super()._get_state() | extra

    def set_data(self, problem):
        self.problem = problem

    def get_objective(self):
        return {
            "observations": self.problem.observations,
            "tuning": self.problem.tuning,
        }

    def evaluate_result(self, reconstructions):
        from benchmark_inverse_problems.judge.rows import row
        from benchmark_inverse_problems.support.precision import standard_numerics

        with recorded(self._run_context), standard_numerics():
            rows = [
                self.problem.visit(index, partial(row, item))
                for index, item in enumerate(progress(reconstructions, "judging"))
            ]
            # After the rows, for which the problem has seen its measurements.
            fingerprint = self.problem.fingerprint
        cell = {
            "fingerprint": fingerprint,
            "version": self.problem.version,
            "versions": versions(),
        }
        return [row | cell for row in rows]

    def save_final_results(self, reconstructions):
        from benchmark_inverse_problems.judge.pictures import galleries

        return galleries(reconstructions, self.problem)

    def get_one_result(self):
        from benchmark_inverse_problems.judge.reconstruction import (
            Reconstruction,
            Reconstructions,
        )

        x_hat = self.problem.truth(0) * 0.9
        return {"reconstructions": Reconstructions([Reconstruction(x_hat)])}
