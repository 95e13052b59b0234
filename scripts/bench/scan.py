"""The selective scan: every backend that is here against the plain recurrence."""

from collections.abc import Callable
from typing import Any

import torch

from farmcd_qgis.networks.fd_mamba.scan import selective_scan, use_backend

from .measure import Row, best, in_turn
from .reference import mambapy_scan

CHANNELS, LENGTH, STATES = 32, 65536, 16


def arguments(length: int = LENGTH, device: str = "cpu") -> tuple[torch.Tensor, ...]:
    """Random (u, delta, A, B, C, D, z, bias) of one item, 32 channels and 16 states."""
    make = torch.Generator().manual_seed(0)
    wide = torch.randn(3, 1, CHANNELS, length, generator=make)
    deep = torch.randn(2, 1, STATES, length, generator=make)
    a = -torch.arange(1.0, STATES + 1).repeat(CHANNELS, 1)
    given = (wide[0], wide[1] - 3, a, deep[0], deep[1], torch.ones(CHANNELS), wide[2], torch.zeros(CHANNELS))
    return tuple(tensor.to(device) for tensor in given)


@torch.inference_mode()
def rows(full: bool) -> list[Row]:
    """Two rows: how much faster than the recurrence, and how exact."""
    given = arguments()
    exact = tuple(tensor.double() for tensor in given)
    with use_backend("recurrence"):
        wanted = selective_scan(*exact)
    jobs: dict[str, Callable[[], Any]] = {name: _job(name, given) for name in ("chunked", "numba_cpu")}
    if mambapy := mambapy_scan():
        jobs["mambapy"] = lambda: mambapy(*given)
    taken = in_turn(jobs, 20 if full else 7)
    taken["recurrence"] = best(_job("recurrence", given), 3 if full else 2, warm=False)
    errors = {name: float((job() - wanted).abs().max()) for name, job in jobs.items()}
    ratio = taken["recurrence"] / taken["numba_cpu"]
    said = "" if mambapy else "; mambapy is not installed (scripts/requirements-dev.txt)"
    if mambapy:
        said = f"; {taken['mambapy'] / taken['numba_cpu']:.0f} times as fast as mambapy"
    what = f"selective scan, B=1 D={CHANNELS} L={LENGTH} N={STATES}, CPU"
    return [
        Row(
            "scan",
            what,
            70,
            True,
            "times",
            ratio,
            f"times as fast as the plain recurrence in torch{said}",
            {"seconds": taken},
        ),
        Row(
            "scan",
            what,
            1e-5,
            False,
            "error",
            errors["numba_cpu"],
            f"largest difference from the recurrence in float64, where the largest value is {wanted.abs().max():.0f}",
            {"errors": errors},
        ),
    ]


def _job(name: str, given: tuple[torch.Tensor, ...]) -> Callable[[], torch.Tensor]:
    def job() -> torch.Tensor:
        with use_backend(name):
            return selective_scan(*given)

    return job
