"""The network that improves kernels: what it keeps, and each of its parts."""

import numpy as np
import pytest
import torch

from benchmark_inverse_problems.networks.kernel_network import (
    SIZE,
    KernelNetwork,
    Stage,
    standardised,
    wiener,
)
from benchmark_inverse_problems.physics.kernels import (
    anisotropic_kernel,
    motion_kernel,
    no_blur,
    transfer,
)

from ..small import noisy, picture

WIDTHS = (4, 4, 4)


def blurred(kernel, size=64, sigma=0.01):
    x = picture(size, size + 5)
    spectrum = torch.fft.rfft2(x) * transfer(kernel, x.shape[2:])
    return x, noisy(torch.fft.irfft2(spectrum, s=x.shape[2:]), sigma)


@pytest.mark.parametrize("kernel", [no_blur(), anisotropic_kernel((2.0, 1.0), 0.3)])
def test_kernels_are_those_of_a_blur(kernel):
    torch.manual_seed(0)
    _, y = blurred(kernel)
    network = KernelNetwork(stages=2, widths=WIDTHS)
    with torch.no_grad():
        found = network(y.expand(2, -1, -1, -1), 0.01, kernel.expand(2, -1, -1, -1))
    assert found.shape == (2, 1, SIZE, SIZE) and found.min() >= 0
    torch.testing.assert_close(found.sum((1, 2, 3)), torch.ones(2), atol=1e-4, rtol=0)


def test_brightness_and_contrast_do_not_change_a_kernel():
    torch.manual_seed(0)
    kernel = anisotropic_kernel((2.0, 1.0), 0.3)
    _, y = blurred(kernel)
    network = KernelNetwork(stages=1, widths=WIDTHS)
    with torch.no_grad():
        first = network(y, 0.01, kernel)
        second = network(0.2 + y / 2, 0.005, kernel)
    torch.testing.assert_close(first, second, atol=1e-5, rtol=1e-3)


def test_the_sharp_image_gives_the_kernel_by_division():
    rng = np.random.RandomState(0)
    kernel = motion_kernel(rng, 0.6, 0.3)
    x = torch.rand(1, 1, 64, 70, generator=torch.manual_seed(0))
    y = torch.fft.irfft2(torch.fft.rfft2(x) * transfer(kernel, (64, 70)), s=(64, 70))
    stage = Stage(WIDTHS)
    with torch.no_grad():
        stage.beta.fill_(-2.0)  # no regularisation
        found = stage.divided(y, x, torch.zeros(1, 1, 1, 1))
    torch.testing.assert_close(found, kernel, atol=2e-3, rtol=0)


def test_the_wiener_filter_undoes_a_known_blur():
    kernel = torch.nn.functional.pad(anisotropic_kernel((1.0, 1.0), 0.0), (11,) * 4)
    x, y = blurred(kernel, sigma=0.002)
    (seen, sigma), (truth, _) = standardised(y, 0.002), standardised(x, 0.0)
    scale = y.mean(1).std() / x.mean(1).std()
    error = [
        float((v * scale - truth).square().mean())
        for v in (seen, wiener(seen, kernel, sigma))
    ]
    assert error[1] < error[0] / 2
