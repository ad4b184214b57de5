import resource
import time

import pytest
import torch

from benchmark_inverse_problems.judge import metering

CPU = torch.device("cpu")


def allocate(total, piece):
    """`total` MiB as tensors of `piece` MiB, every page touched."""
    return [torch.ones(piece * 2**18) for _ in range(total // piece)]


@pytest.mark.parametrize("piece", [1, 8])
def test_peak_memory_on_a_warm_heap(piece):
    del_me = allocate(400, piece)  # warms the heap
    del del_me
    _, _, peak = metering.measure(lambda: len(allocate(400, piece)), CPU)
    assert peak == pytest.approx(400, rel=0.1)


def test_freed_memory_is_used_again_until_the_heap_is_trimmed():
    if metering.call_glibc("malloc_trim", 0) is None:
        pytest.skip("another C library than glibc")

    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        allocate(160, 8)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    metering.keep_heap()
    faults()
    warm = min(faults() for _ in range(4))
    metering.trim_heap()
    assert warm < faults() / 4
    _, _, peak = metering.measure(lambda: len(allocate(400, 8)), CPU)
    assert peak == pytest.approx(400, rel=0.1)


def test_sampling_sees_memory_that_is_held(monkeypatch):
    monkeypatch.setattr(metering, "reset_high_water_mark", lambda: False)

    def work():
        held = allocate(200, 8)
        time.sleep(0.05)
        return len(held)

    assert metering.measure(work, CPU)[2] == pytest.approx(200, rel=0.1)


def test_runtime_is_the_calls_own():
    result, seconds, _ = metering.measure(lambda: time.sleep(0.1) or 7, CPU)
    assert result == 7
    assert seconds.wall >= 0.1
    assert seconds.cpu < 0.09  # a process that sleeps takes no processor time


def test_processor_time_is_that_of_work():
    def work():
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass

    seconds = metering.timed(work, CPU)[1]
    assert 0.1 <= seconds.cpu <= seconds.wall + 0.05
    both = seconds + metering.Seconds(1.0, 2.0)
    assert (both.wall, both.cpu) == (seconds.wall + 1, seconds.cpu + 2)


def test_gflops_of_a_matrix_product():
    a = torch.ones(100, 200)
    product, gflops = metering.count_gflops(lambda: a @ a.T)
    assert product.shape == (100, 100)
    assert gflops == pytest.approx(2 * 100 * 200 * 100 / 1e9)
