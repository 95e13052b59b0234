"""On a GPU: megapixels a second of every backend, the scan's share, and what the memory's bandwidth allows."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from farmcd_qgis.networks.fd_mamba import network as fd_mamba
from farmcd_qgis.networks.fd_mamba.network import FDMambaConfig
from farmcd_qgis.networks.fd_mamba.scan import available_on, use_backend

from .network import FILTERS, SIDE
from .reference import networks

BATCH = 8
# What a fused scan must at least move for every token and channel: u, delta and z in, y out, float32.
BYTES_PER_VALUE = 16


@torch.inference_mode()
def measure(device: str) -> dict[str, Any]:
    """Return figures of every backend that works on `device`; where there is no such GPU, a sentence that says so."""
    if not torch.cuda.is_available():
        return {"said": f"no GPU: PyTorch {torch.__version__} sees none, so nothing was measured on {device!r}."}
    net, _ = networks(FDMambaConfig(init_filters=FILTERS))
    net = net.to(device).to(memory_format=torch.channels_last)
    images = torch.rand(2, BATCH, 3, SIDE, SIDE, device=device) * 2 - 1
    bandwidth = _bandwidth(device)
    figures = {}
    for name in available_on(torch.device(device)):
        for kind in (torch.float32, torch.bfloat16):
            with use_backend(name), torch.autocast("cuda", kind, enabled=kind != torch.float32):
                figures[f"{name}, {str(kind).removeprefix('torch.')}"] = _figures(net, images, bandwidth)
    return {"said": torch.cuda.get_device_name(device), "copy_gb_per_second": bandwidth / 1e9, "backends": figures}


def _figures(net: Callable[..., Any], images: torch.Tensor, bandwidth: float) -> dict[str, float]:
    seconds = _seconds(lambda: net(images[0], images[1]), 10)
    scan, values = _scan_seconds(net, images)
    return {
        "megapixels_per_second": BATCH * SIDE * SIDE / 1e6 / seconds,
        "share_of_the_scan": scan / seconds,
        "times_the_bandwidth_limit": scan / (values * BYTES_PER_VALUE / bandwidth),
    }


def _scan_seconds(net: Callable[..., Any], images: torch.Tensor) -> tuple[float, int]:
    """The GPU's own time inside selective_scan, and how many tokens times channels went through it."""
    plain, values = fd_mamba.selective_scan, 0

    def watched(u: torch.Tensor, *given: Any, **options: Any) -> torch.Tensor:
        nonlocal values
        values += u.numel()
        with record_function("selective scan"):
            return plain(u, *given, **options)

    fd_mamba.selective_scan = watched
    try:
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
            net(images[0], images[1])
            torch.cuda.synchronize()
    finally:
        fd_mamba.selective_scan = plain
    event = next(event for event in found.key_averages() if event.key == "selective scan")
    return event.device_time_total / 1e6, values


def _bandwidth(device: str) -> float:
    """Bytes a second of a plain copy, read and written."""
    source = torch.empty(2**28, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() / _seconds(lambda: target.copy_(source), 20)


def _seconds(job: Callable[[], Any], times: int) -> float:
    job()
    torch.cuda.synchronize()
    least = float("inf")
    for _ in range(times):
        begun = time.perf_counter()
        job()
        torch.cuda.synchronize()
        least = min(least, time.perf_counter() - begun)
    return least
