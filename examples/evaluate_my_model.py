"""Judge a model of one's own on a problem of the suite, beside solvers of the suite.

python examples/evaluate_my_model.py
"""

import torch

from benchmark_inverse_problems import compare


class Landweber(torch.nn.Module):
    """The model: a step size for each iteration of gradient descent, as if learned."""

    def __init__(self, iterations=20):
        super().__init__()
        self.steps = torch.nn.Parameter(torch.linspace(1.5, 0.5, iterations))

    def forward(self, y, physics):
        x = physics.A_adjoint(y)
        for step in self.steps:
            x = x - step * physics.A_adjoint(physics.A(x) - y)
        return x


if __name__ == "__main__":
    problem = "cbsd68_deblur_gaussian[images=bundled,level=easy,n_images=2,crop=128]"
    results = compare(Landweber(), problem, ["adjoint", "pseudoinverse"], "landweber")
    columns = [f"objective_{key}" for key in ("psnr", "ssim", "runtime", "parameters")]
    print(results.groupby("solver_name")[columns].mean().round(3).to_string())
